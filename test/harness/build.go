package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Version is the version that a built binary reports.
const Version = "0.1.0"

// Build compiles cmd/snakectl into dir and returns the path of the binary. When
// the calling test has the race detector, so has the binary: a race in the
// supervisor then fails the test that provoked it.
func Build(ctx context.Context, dir string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "snakectl")
	args := []string{"build", "-trimpath", "-ldflags", "-X main.version=" + Version, "-o", binary}
	if raceEnabled {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/snakectl")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build snakectl: %w\n%s", err, out)
	}
	return binary, nil
}

// Root returns the root directory of the module, found from the working directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("cannot find go.mod above the working directory")
		}
		dir = parent
	}
}

// Python returns the python3 of the PATH as the interpreter itself, past any
// wrapper script: a wrapper would be part of every figure.
func Python(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "python3", "-I", "-S", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		return "", fmt.Errorf("cannot run python3: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Until calls done every 20 ms until it returns true, and reports whether it did
// within the limit.
func Until(ctx context.Context, limit time.Duration, done func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return done()
		}
	}
	return true
}
