package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// marker is set in the environment of every command of an instance. Whatever a
// command starts inherits it, so a process that escapes its group, its session or
// its parent is still found.
const marker = "SNAKETEST_INSTANCE"

// Instance is a private instance directory and the environment that leads to it.
// Close it at the end of the test.
type Instance struct {
	// Dir is the instance directory; it does not exist before the first command
	// that needs it.
	Dir string
	// Binary is the program under test.
	Binary string

	base   string
	python string
	// mounted: Dir is a file system of its own.
	mounted bool
	// patience is how long processes may take to end after the supervisor did.
	patience time.Duration
}

// New returns an instance for the binary. Its path is short enough for sockets.
func New(ctx context.Context, binary string) (*Instance, error) {
	python, err := Python(ctx)
	if err != nil {
		return nil, err
	}
	base, err := os.MkdirTemp("", "snk")
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(base, "home"), 0o700); err != nil {
		return nil, err
	}
	return &Instance{Dir: filepath.Join(base, "i"), Binary: binary, base: base, python: python, patience: 5 * time.Second}, nil
}

// Outside returns a path beside the instance directory, which lives as long.
func (i *Instance) Outside(name string) string { return filepath.Join(i.base, name) }

// Env returns the variables, NAME=value, that every command of the instance needs.
func (i *Instance) Env() []string {
	path := strings.Join([]string{filepath.Dir(i.Binary), filepath.Dir(i.python), os.Getenv("PATH")}, string(os.PathListSeparator))
	return []string{
		"PATH=" + path,
		"HOME=" + filepath.Join(i.base, "home"),
		"TMPDIR=" + os.TempDir(),
		"SNAKECTL_INSTANCE=" + i.Dir,
		"NO_COLOR=1",
		"LC_ALL=C.UTF-8",
		"GORACE=atexit_sleep_ms=0", // a race-built program otherwise lingers a second
		marker + "=" + i.Dir,
	}
}

// Close stops the supervisor, waits until no process of the instance is left and
// removes the directory, whatever it finds. It returns an error when the supervisor
// does not stop, when a process outlives it (then it is killed), or when a log tells
// of a data race or a panic.
func (i *Instance) Close(ctx context.Context) error {
	var errs []error
	if _, err := os.Stat(i.Dir); err == nil {
		errs = append(errs, i.stop(ctx))
	}
	errs = append(errs, i.reapLeftovers(ctx), i.checkLogs(), i.unmount(), os.RemoveAll(i.base))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("instance %s: %w", i.Dir, err)
	}
	return nil
}

func (i *Instance) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if running, err := i.Processes(); err == nil && len(running) == 0 {
		return nil
	}
	cmd := exec.CommandContext(ctx, i.Binary, "supervisor", "stop")
	cmd.Env = i.Env()
	out, err := cmd.CombinedOutput()
	if err != nil && !bytes.Contains(out, []byte("no supervisor")) {
		return fmt.Errorf("snakectl supervisor stop: %w\n%s", err, out)
	}
	return nil
}

// reapLeftovers waits for the processes of the instance to end.
func (i *Instance) reapLeftovers(ctx context.Context) error {
	var left []Process
	var err error
	if Until(ctx, i.patience, func() bool {
		left, err = i.Processes()
		return err != nil || len(left) == 0
	}) {
		return err
	}
	for _, p := range left {
		_ = syscall.Kill(p.PID, syscall.SIGKILL)
	}
	return fmt.Errorf("processes are left after the supervisor stopped: %v", left)
}

// checkLogs looks for what a supervisor must never write.
func (i *Instance) checkLogs() error {
	return filepath.WalkDir(filepath.Join(i.Dir, "logs"), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if d.IsDir() || !strings.HasPrefix(d.Name(), "supervisor") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, bad := range []string{"WARNING: DATA RACE", "\npanic: ", "fatal error: ", "internal error:"} {
			if at := bytes.Index(text, []byte(bad)); at >= 0 {
				return fmt.Errorf("%s says:\n%s", name, text[at:min(len(text), at+4000)])
			}
		}
		return nil
	})
}
