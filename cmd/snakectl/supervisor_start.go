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
	// attemptEvery is how long a supervisor that was refused waits for the answer of
	// the one that owns the instance before it is started again.
	attemptEvery = 500 * time.Millisecond
	// shortPause and longPause bound the pause between two looks at a condition.
	shortPause = time.Millisecond
	longPause  = 20 * time.Millisecond
)

// startSupervisor starts this program again as the supervisor of the instance,
// detached from the terminal, and waits until it answers. It returns the pid of
// the supervisor. When two commands start one at the same moment the second
// process is refused by the state's lock, and both commands wait for the first. It
// may also be one that was killed and whose end the kernel takes seconds for, while
// its disk is busy: so another attempt follows while nobody answers.
//
// attended, if not nil, becomes the standard input of the supervisor, which ends when
// that ends.
func (a *App) startSupervisor(ctx context.Context, dir string, attended *os.File) (int, error) {
	started, logged, err := a.spawnSupervisor(dir, attended)
	if err != nil {
		return 0, fmt.Errorf("cannot start the supervisor of %s: %w", dir, err)
	}

	c := client.New(socketPath(dir))
	defer c.Close()
	limit, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var ended string
	again := time.Now().Add(attemptEvery)
	err = waitUntil(limit, func() (bool, error) {
		if c.Healthy(limit) == nil {
			return true, nil
		}
		status, gone := exitOf(started)
		switch {
		case gone && status.ExitStatus() != exitStale:
			ended = describeExit(status)
			return false, errSupervisorEnded
		case gone && time.Now().After(again): // refused, and nobody has answered since
			again = time.Now().Add(attemptEvery)
			started, _, err = a.spawnSupervisor(dir, attended)
			return false, err
		}
		return false, nil
	})
	switch {
	case err == nil:
		serving := supervisorPID(limit, c, started)
		if serving != started {
			err = withdraw(limit, started)
		}
		return serving, err
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case ended == "":
		ended = "it did not answer within " + startLimit.String()
	}
	return 0, fmt.Errorf("cannot start the supervisor of %s: %s\n%s", dir, ended, logTail(dir, logged))
}

// withdraw ends a supervisor that came too late. Left alone it is refused as well,
// but a slow one might come when the first has ended already, and serve unasked.
func withdraw(ctx context.Context, pid int) error {
	if _, gone := exitOf(pid); gone {
		return nil
	}
	_ = syscall.Kill(pid, syscall.SIGTERM) // a child that nobody has waited for: the pid is still its own
	return waitUntil(ctx, func() (bool, error) {
		_, gone := exitOf(pid)
		return gone, nil
	})
}

// errSupervisorEnded ends the wait for a supervisor that is gone.
var errSupervisorEnded = errors.New("the supervisor ended")

// exitOf reports whether a child of this process has ended, and how. Once it has told
// so the child is gone for good: it then says that another owned the instance.
func exitOf(pid int) (status syscall.WaitStatus, gone bool) {
	got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
	if errors.Is(err, syscall.ECHILD) {
		return exitStale << 8, true
	}
	return status, err == nil && got == pid
}

func describeExit(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "it was ended by the signal " + status.Signal().String()
	}
	return fmt.Sprintf("it ended with exit status %d", status.ExitStatus())
}

// spawnSupervisor starts the process and returns its pid at once, with the length that
// the log had before. It is not waited for: it outlives this command.
func (a *App) spawnSupervisor(dir string, attended *os.File) (pid int, logged int64, err error) {
	if a.Executable == "" {
		return 0, 0, errors.New("the path of this program is not known; run \"snakectl supervisor run\" yourself")
	}
	if err := os.MkdirAll(filepath.Dir(logPath(dir)), 0o700); err != nil {
		return 0, 0, fmt.Errorf("%w; name a directory that you may write with --instance DIR", err)
	}
	out, err := os.OpenFile(logPath(dir), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, 0, fmt.Errorf("%w; name a directory that you may write with --instance DIR", err)
	}
	defer out.Close()
	if info, err := out.Stat(); err == nil {
		logged = info.Size()
	}
	// The supervisor outlives this command, so no context may end it.
	child := exec.Command(a.Executable, "supervisor", "run", "--instance", dir) //nolint:noctx // see above
	if attended != nil {
		child.Stdin = attended
		child.Args = append(child.Args, attendedFlag)
	}
	child.Dir = dir
	child.Env = a.Env
	child.Stdout, child.Stderr = out, out
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return 0, logged, err
	}
	pid = child.Process.Pid
	return pid, logged, child.Process.Release()
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
