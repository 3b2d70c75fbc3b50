package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
)

// superviseInForeground runs the supervisor until the first interrupt has drained
// it, or a second one ends the wait. When it answers begin is called, if not nil; an
// error of begin ends the supervisor too, and is what is returned.
func (a *App) superviseInForeground(ctx context.Context, begin func(context.Context) error) error {
	collectAt(daemonGC)
	dir, err := a.instanceDir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot use the instance directory: %w; name one that you may write with --instance DIR", err)
	}
	handler := newLogHandler(a.Stderr)
	log := slog.New(handler)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	manager := a.getenv("NOTIFY_SOCKET")
	done, ready, begun := make(chan error, 1), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- runSupervisor(ctx, supervisorConfig{
			Executable: a.Executable,
			Instance:   dir, Version: a.Version, Log: log, TakeSettings: handler.take, Ready: func() { close(ready) },
			Replacing: func() { notifyOrLog(ctx, log, manager, reloading()) },
		})
	}()
	go func() {
		select {
		case <-ready:
		case <-ctx.Done():
			return
		}
		if begin != nil {
			if err := begin(ctx); err != nil {
				begun <- err
				return
			}
		}
		notifyOrLog(ctx, log, manager, "READY=1")
	}()
	var failed error
	select {
	case err := <-done:
		return err
	case failed = <-begun:
		stop()
	case sig := <-a.Interrupts:
		log.Info("supervisor stops", "signal", fmt.Sprint(sig))
		notifyOrLog(ctx, log, manager, "STOPPING=1")
		stop()
	}
	select {
	case err := <-done:
		return errors.Join(failed, err)
	case <-a.Interrupts:
		return &codedError{code: exitInterrupted, err: errors.New("a second signal ended the supervisor before it had drained")}
	}
}

func notifyOrLog(ctx context.Context, log *slog.Logger, socket, state string) {
	if err := notifyManager(ctx, socket, state); err != nil {
		log.Warn("service manager not notified", "err", err)
	}
}
