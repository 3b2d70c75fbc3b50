package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// foreground is how a supervisor is run in this process.
type foreground struct {
	// begin is called when the supervisor answers, if not nil. Its error ends the
	// supervisor too, and is what is returned.
	begin func(context.Context) error
	// attended: it ends, too, when standard input ends.
	attended bool
}

// superviseInForeground runs the supervisor until the first interrupt has drained
// it, or a second one ends the wait.
func (a *App) superviseInForeground(ctx context.Context, how foreground) error {
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
	var alone <-chan struct{}
	if how.attended {
		alone = atEnd(a.Stdin)
	}
	done, ready, begun := make(chan error, 1), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- runSupervisor(ctx, supervisorConfig{
			Executable: a.Executable, Attended: how.attended,
			Instance: dir, Version: a.Version, Log: log, TakeSettings: handler.take, Ready: func() { close(ready) },
			Replacing: func() { notifyOrLog(ctx, log, manager, reloading()) },
		})
	}()
	go func() {
		select {
		case <-ready:
		case <-ctx.Done():
			return
		}
		if how.begin != nil {
			if err := how.begin(ctx); err != nil {
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
	case <-alone:
		log.Info("supervisor stops: whoever started it is gone")
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

// atEnd returns a channel that is closed when nothing more can be read.
func atEnd(r io.Reader) <-chan struct{} {
	end := make(chan struct{})
	go func() { // ends with the reader or with the process
		_, _ = io.Copy(io.Discard, r)
		close(end)
	}()
	return end
}

func notifyOrLog(ctx context.Context, log *slog.Logger, socket, state string) {
	if err := notifyManager(ctx, socket, state); err != nil {
		log.Warn("service manager not notified", "err", err)
	}
}
