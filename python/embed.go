// Package python holds the Python SDK: the snakepit package that workers run, and
// snakepit_bridge, its aliases for adapters that were written for Snakepit.
//
// The binary carries its files, so that a machine needs an interpreter and
// nothing else, and a worker always speaks the wire of the supervisor that
// started it. Extract writes them where an interpreter can import them.
package python

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Files is the two packages as they were at build time. The pattern names what
// belongs to it: a bare directory would leave out the modules that begin with an
// underscore.
//
//go:embed snakepit/*.py snakepit/py.typed snakepit_bridge/*.py snakepit_bridge/py.typed
var Files embed.FS

// Entry returns the file that an interpreter runs to become a worker:
// sdkDir is what Extract returned.
func Entry(sdkDir string) string { return filepath.Join(sdkDir, "snakepit", "__main__.py") }

// Hash returns the hex SHA-256 over the names and contents of Files.
func Hash() string {
	sum := sha256.New()
	names, err := fs.Glob(Files, "*/*")
	if err != nil {
		panic(fmt.Sprintf("internal error: cannot list the embedded files: %v", err))
	}
	for _, name := range names { // Glob returns them in order
		data, err := Files.ReadFile(name)
		if err != nil {
			panic(fmt.Sprintf("internal error: cannot read an embedded file: %v", err))
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(data))
		sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Extract makes sure that dir holds a copy of Files under the name of its hash
// and returns the absolute path of that copy's directory, the one to put on
// PYTHONPATH. The copy appears whole or not at all; one that is there already is
// used as it is, so that any number of processes may extract at one time.
func Extract(dir string) (sdkDir string, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return "", fmt.Errorf("cannot extract the Python SDK: %w", err)
	}
	sdkDir = filepath.Join(dir, Hash()[:16])
	if _, err := os.Stat(sdkDir); err == nil {
		return sdkDir, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("cannot extract the Python SDK: %w", err)
	}
	temporary, err := os.MkdirTemp(dir, ".extract-*")
	if err != nil {
		return "", fmt.Errorf("cannot extract the Python SDK: %w", err)
	}
	defer os.RemoveAll(temporary)
	if err := os.CopyFS(temporary, Files); err != nil {
		return "", fmt.Errorf("cannot extract the Python SDK to %s: %w", dir, err)
	}
	err = os.Rename(temporary, sdkDir)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("cannot extract the Python SDK to %s: %w", dir, err)
	}
	return sdkDir, nil
}
