package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// ends measures how soon workers are gone: a hundred idle ones whose pool is emptied,
// and sixteen busy ones whose supervisor was killed, with `supervisor stop --now`.
func (s *session) ends(ctx context.Context) error {
	for range 3 {
		if _, err := s.grow(ctx, "ready", 100); err != nil {
			return err
		}
		begin := time.Now()
		if err := s.empty(ctx, "ready"); err != nil {
			return err
		}
		s.table.add("100 idle workers stopped", "ms", 500, millis(time.Since(begin)))
	}
	for range s.rounds {
		if err := s.orphans(ctx); err != nil {
			return err
		}
	}
	return nil
}

// orphans kills the supervisor while 16 calls run and removes their workers.
func (s *session) orphans(ctx context.Context) error {
	const busy = 16
	if _, err := s.grow(ctx, "ready", busy); err != nil {
		return err
	}
	calling, giveUp := context.WithCancel(ctx)
	var calls sync.WaitGroup
	defer calls.Wait()
	defer giveUp()
	for range busy {
		calls.Go(func() { _, _ = s.instance.Exec(calling, "ready", "wait", json.RawMessage(`[60000]`)) })
	}
	err := until(ctx, func() (bool, error) {
		workers, err := s.instance.Workers(ctx, "ready")
		n := 0
		for _, w := range workers {
			if w.State == "busy" {
				n++
			}
		}
		return n == busy, err
	})
	if err != nil {
		return err
	}
	pids, err := s.pidsOf(ctx, "ready")
	if err != nil {
		return err
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		return err
	}
	giveUp()
	took, err := s.instance.run(ctx, "supervisor", "stop", "--now")
	if err != nil {
		return err
	}
	for _, pid := range pids[1:] {
		if held, err := residentMemory(pid); err == nil && held > 0 { // a zombie holds none
			return fmt.Errorf("worker %d lives after supervisor stop --now", pid)
		}
	}
	s.table.add("16 busy orphans removed", "ms", 1000, millis(took))
	for _, args := range [][]string{{"supervisor", "start"}, {"scale", "ready", "0"}} {
		if _, err := s.instance.run(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}
