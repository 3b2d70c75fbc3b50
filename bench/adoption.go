package main

import (
	"context"
	"errors"
	"strconv"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/client"
)

// adopted is how many workers outlive their supervisor.
const adopted = 16

// adoptions measures how soon the workers of a killed supervisor are those of the next
// one, and how long the replacement of a supervisor in place takes.
func (s *session) adoptions(ctx context.Context) error {
	if _, err := s.instance.run(ctx, "scale", "ready", strconv.Itoa(adopted)); err != nil {
		return err
	}
	for range s.rounds {
		if err := s.allAlive(ctx); err != nil {
			return err
		}
		status, err := s.instance.Status(ctx)
		if err != nil {
			return err
		}
		if err := syscall.Kill(status.Supervisor.PID, syscall.SIGKILL); err != nil {
			return err
		}
		if err := until(ctx, func() (bool, error) { return errors.Is(s.instance.Healthy(ctx), client.ErrNoSupervisor), nil }); err != nil {
			return err
		}
		begin := time.Now()
		if _, err := s.instance.run(ctx, "supervisor", "start"); err != nil {
			return err
		}
		if err := s.allAlive(ctx); err != nil {
			return err
		}
		s.table.add("16 workers adopted", "ms", 1000, millis(time.Since(begin)))
		took, err := s.instance.run(ctx, "supervisor", "restart")
		if err != nil {
			return err
		}
		s.table.add("supervisor replaced in place", "ms", 1000, millis(took))
	}
	_, err := s.instance.run(ctx, "scale", "ready", "0")
	return err
}

// allAlive waits until all the workers to be adopted take calls.
func (s *session) allAlive(ctx context.Context) error {
	return until(ctx, func() (bool, error) {
		alive, err := s.instance.alive(ctx, "ready")
		return err == nil && len(alive) == adopted, err
	})
}
