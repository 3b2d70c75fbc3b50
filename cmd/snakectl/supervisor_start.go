package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/client"
)

const (
	// startLimit is how long a supervisor may take until it answers.
	startLimit = 10 * time.Second
	// shortPause and longPause bound the pause between two looks at a condition.
	shortPause = time.Millisecond
	longPause  = 20 * time.Millisecond
)

// startSupervisor starts this program again as the supervisor of the instance,
// detached from the terminal, and waits until it answers. It returns the pid of
// the supervisor. When two commands start one at the same moment the second
// process is refused by the state's lock, and both commands use the first.
func (a *App) startSupervisor(ctx context.Context, dir string) (int, error) {
	child, logged, err := a.spawnSupervisor(dir)
	if err != nil {
		return 0, fmt.Errorf("cannot start the supervisor of %s: %w", dir, err)
	}
	exited := make(chan struct{})
	go func() {
		_ = child.Wait() // how it ended is in child.ProcessState
		close(exited)
	}()

	c := client.New(socketPath(dir))
	defer c.Close()
	limit, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	gone := false
	err = waitUntil(limit, func() (bool, error) {
		if c.Healthy(limit) == nil {
			return true, nil
		}
		select {
		case <-exited:
			gone = true
		default:
		}
		return gone, nil
	})
	if err == nil && c.Healthy(limit) == nil {
		return supervisorPID(limit, c, child.Process.Pid), nil
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	reason := "it did not answer within " + startLimit.String()
	if gone {
		reason = "it ended with " + child.ProcessState.String()
	}
	return 0, fmt.Errorf("cannot start the supervisor of %s: %s\n%s", dir, reason, logTail(dir, logged))
}

// spawnSupervisor starts the process and returns at once, with the length that
// the log had before.
func (a *App) spawnSupervisor(dir string) (child *exec.Cmd, logged int64, err error) {
	if a.Executable == "" {
		return nil, 0, errors.New("the path of this program is not known; run \"snakectl supervisor run\" yourself")
	}
	if err := os.MkdirAll(filepath.Dir(logPath(dir)), 0o700); err != nil {
		return nil, 0, fmt.Errorf("%w; name a directory that you may write with --instance DIR", err)
	}
	out, err := os.OpenFile(logPath(dir), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("%w; name a directory that you may write with --instance DIR", err)
	}
	defer out.Close()
	if info, err := out.Stat(); err == nil {
		logged = info.Size()
	}
	// The supervisor outlives this command, so no context may end it.
	child = exec.Command(a.Executable, "supervisor", "run", "--instance", dir) //nolint:noctx // see above
	child.Dir = dir
	child.Env = a.Env
	child.Stdout, child.Stderr = out, out
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return child, logged, child.Start()
}

// supervisorPID asks who answers: it may be another process than the one started here.
func supervisorPID(ctx context.Context, c *client.Client, started int) int {
	status, err := c.Status(ctx)
	if err != nil {
		return started
	}
	return status.Supervisor.PID
}

// logTail returns the last lines of the supervisor's log after an offset,
// indented, under a line that says which file they are from.
func logTail(dir string, offset int64) string {
	const keep = 10
	text, err := os.ReadFile(logPath(dir))
	if err != nil || int64(len(text)) <= offset {
		return "it wrote nothing to " + logPath(dir)
	}
	lines := strings.Split(strings.TrimRight(string(text[offset:]), "\n"), "\n")
	if len(lines) > keep {
		lines = lines[len(lines)-keep:]
	}
	return "the end of " + logPath(dir) + ":\n  " + strings.Join(lines, "\n  ")
}

// waitUntil calls done until it reports true or an error, or ctx ends. The pause
// between two calls grows from one millisecond to 20.
func waitUntil(ctx context.Context, done func() (bool, error)) error {
	pause := shortPause
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		pause = min(2*pause, longPause)
		timer.Reset(pause)
	}
}
