package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/client"
)

// stopSupervisor asks the supervisor to end and waits until its process is gone.
// It returns the pid that it had. workers says what becomes of its workers.
func (a *App) stopSupervisor(ctx context.Context, workers client.Parting, limit time.Duration) (int, error) {
	c, err := a.client()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var status *client.Status
	err = settled(func() error {
		status, err = c.Status(ctx)
		return err
	})
	if err != nil {
		return 0, err
	}
	pid := status.Supervisor.PID
	if err := c.StopSupervisor(ctx, workers); err != nil {
		return pid, err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = waitUntil(limited, func() (bool, error) {
		if processLives(pid) {
			return false, nil
		}
		now, err := c.Status(limited)
		// Another command may have started the next one already.
		return errors.Is(err, client.ErrNoSupervisor) || err == nil && now.Supervisor.PID != pid, nil
	})
	if err != nil && ctx.Err() == nil {
		return pid, &codedError{code: exitTimeout, err: fmt.Errorf(
			"the supervisor (pid %d) has not ended within %s: it still drains its workers; wait longer with --timeout, or end them with --now", pid, limit)}
	}
	return pid, err
}

// processLives reports whether the process exists and is more than a zombie that
// nobody has reaped. A zombie whose other threads still end has not closed its
// files yet.
func processLives(pid int) bool {
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist) || !hasProc()
	}
	// The state follows the name, which is in parentheses and may hold anything.
	_, state, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	if !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X") {
		return true
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return err == nil && len(threads) > 1
}

func hasProc() bool {
	_, err := os.Stat("/proc/self/stat")
	return err == nil
}
