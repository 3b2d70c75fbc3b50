package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Main runs the tests of a package with a temporary directory of their own and
// returns the exit code for their TestMain. Tests that pass and leave something in
// that directory fail: an instance that nobody closed, a file that nobody removed.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "snk")
	if err == nil {
		err = os.Chmod(dir, 0o711) // a test that plays another user has to get through
	}
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot give the tests a temporary directory:", err)
		return 1
	}
	code := m.Run()
	left := leftIn(dir)
	if err := os.RemoveAll(dir); err != nil {
		left = append(left, err.Error())
	}
	if code == 0 && len(left) > 0 {
		fmt.Fprintf(os.Stderr, "FAIL: the tests leave in their temporary directory:\n  %s\n", strings.Join(left, "\n  "))
		return 1
	}
	return code
}

// leftIn lists what is in a directory and, as the hint whose it is, what is in that.
func leftIn(dir string) []string {
	var left []string
	for _, pattern := range []string{"*", "*/*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return []string{err.Error()}
		}
		left = append(left, found...)
	}
	return left
}
