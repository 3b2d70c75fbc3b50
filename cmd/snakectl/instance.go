package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/snakectl/snakectl/client"
)

// instanceDir returns the absolute directory of the instance: --instance, else
// SNAKECTL_INSTANCE, else snakectl below the state directory of the user. It
// creates nothing.
func (a *App) instanceDir() (string, error) {
	dir := a.global.instance
	if dir == "" {
		dir = a.getenv("SNAKECTL_INSTANCE")
	}
	if dir == "" {
		state, err := a.stateHome()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(state, "snakectl")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("cannot resolve the instance directory %q: %w", dir, err)
	}
	if info, err := os.Stat(abs); err == nil && !info.IsDir() {
		return "", fmt.Errorf("cannot use %s as the instance: it is a file; name a directory with --instance DIR", abs)
	}
	return abs, nil
}

func (a *App) stateHome() (string, error) {
	if dir := a.getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	if os.Geteuid() == 0 {
		return "/var/lib", nil
	}
	home := a.getenv("HOME")
	if home == "" {
		return "", errors.New("cannot find the instance directory: HOME is not set; name it with --instance DIR")
	}
	return filepath.Join(home, ".local", "state"), nil
}

// socketPath returns the path of the socket that a supervisor of the instance serves.
func socketPath(dir string) string { return filepath.Join(dir, "supervisor.sock") }

// logPath returns the path of the supervisor's own log.
func logPath(dir string) string { return filepath.Join(dir, "logs", "supervisor.log") }

// hasState reports whether something was ever applied to the instance.
func hasState(dir string) bool {
	for _, name := range []string{"state.db", "state.id"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// explain adds the next step to an error of the connection and gives an error
// of a call its exit code.
func (a *App) explain(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, client.ErrNoSupervisor) {
		dir, dirErr := a.instanceDir()
		if dirErr != nil {
			return dirErr
		}
		return fmt.Errorf("no supervisor runs for the instance %s: start one with \"snakectl supervisor start\" or \"snakectl apply\"", dir)
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w\nthe instance is somebody else's: its owner lets others in with settings.access, or name one of your own with --instance DIR", err)
	}
	if call, ok := errors.AsType[*client.Error](err); ok {
		return &codedError{code: categoryExit(call.Category), err: withHint(call)}
	}
	return err
}

// withHint returns the error's text with what it advises.
func withHint(e *client.Error) error {
	if e.Hint == "" {
		return e
	}
	return fmt.Errorf("%w\n%s", e, e.Hint)
}

// settled asks again when the connection broke before there was an answer. A
// supervisor that was just killed may still hold its socket: it takes connections
// that nobody will ever accept. The question must be one that changes nothing.
func settled(ask func() error) error {
	err := ask()
	_, answered := errors.AsType[*client.Error](err)
	if err == nil || answered || errors.Is(err, client.ErrNoSupervisor) || errors.Is(err, context.Canceled) {
		return err
	}
	return ask()
}

// ensureSupervisor starts the instance's supervisor when none answers, and says so. It
// reports whether it did.
func (a *App) ensureSupervisor(ctx context.Context, c *client.Client) (started bool, err error) {
	err = settled(func() error { return c.Healthy(ctx) })
	if err == nil || !errors.Is(err, client.ErrNoSupervisor) {
		return false, a.explain(err)
	}
	if a.global.noStart {
		return false, fmt.Errorf("%w (--no-start forbids to start it here)", a.explain(err))
	}
	dir, err := a.instanceDir()
	if err != nil {
		return false, err
	}
	pid, err := a.startSupervisor(ctx, dir, nil)
	if err != nil {
		return false, err
	}
	a.say("Started the supervisor of %s (pid %d).", dir, pid)
	return true, nil
}
