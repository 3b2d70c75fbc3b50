package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/client"
)

// deaths measures how long a killed worker's place stays empty, and how soon the
// caller of a call is told that its worker was killed.
func (s *session) deaths(ctx context.Context) error {
	for range s.rounds {
		begin, victim, err := s.kill(ctx, "ready", nil)
		if err != nil {
			return err
		}
		if err := s.replaced(ctx, victim); err != nil {
			return err
		}
		s.table.add("killed worker replaced, forked", "ms", 50, millis(time.Since(begin)))
		const calls = 5
		told := make([]time.Duration, 0, calls)
		for range calls {
			took, err := s.lostCall(ctx)
			if err != nil {
				return err
			}
			told = append(told, took)
		}
		s.table.add("caller told of its killed worker", "ms", 5, millis(percentile(told, 0.5)))
	}
	return nil
}

// lostCall kills the worker of a call and returns how long its caller waits from
// then on.
func (s *session) lostCall(ctx context.Context) (time.Duration, error) {
	type end struct {
		at  time.Time
		err error
	}
	ended := make(chan end, 1) // the call must end though nobody waits for it any more
	go func() {
		err := s.execute(ctx, "wait", json.RawMessage(`[60000]`))
		ended <- end{time.Now(), err}
	}()
	begin, victim, err := s.kill(ctx, "busy", func() bool { return len(ended) > 0 })
	if err != nil {
		return 0, err
	}
	told := <-ended
	failure, ok := errors.AsType[*client.Error](told.err)
	if !ok || failure.Death == nil || failure.Death.Signal != "SIGKILL" {
		return 0, fmt.Errorf("the call of a killed worker ended with %w", told.err)
	}
	return told.at.Sub(begin), s.replaced(ctx, victim)
}

// kill kills a worker of the bench pool that is in the wanted state and returns
// when, and its incarnation. It gives up when hopeless says so.
func (s *session) kill(ctx context.Context, state client.WorkerState, hopeless func() bool) (time.Time, string, error) {
	var pid int
	var victim string
	err := until(ctx, func() (bool, error) {
		alive, err := s.instance.alive(ctx, "bench")
		for incarnation, w := range alive {
			if w.State == state {
				pid, victim = w.PID, incarnation
			}
		}
		if err == nil && pid == 0 && hopeless != nil && hopeless() {
			err = errors.New("the call ended before its worker was killed")
		}
		return pid != 0, err
	})
	if err != nil {
		return time.Time{}, "", err
	}
	return time.Now(), victim, syscall.Kill(pid, syscall.SIGKILL)
}

// replaced waits until another worker has taken the victim's place.
func (s *session) replaced(ctx context.Context, victim string) error {
	const size = 4 // of bench.hcl
	err := until(ctx, func() (bool, error) {
		now, err := s.instance.alive(ctx, "bench")
		_, still := now[victim]
		return !still && len(now) == size, err
	})
	if err != nil {
		return fmt.Errorf("the killed worker is not replaced: %w", err)
	}
	return nil
}
