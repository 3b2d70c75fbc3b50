package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/snakectl/snakectl/client"
)

// upkeep measures what health checks and events cost: the processor time of a call in
// a pool as it is by default, with somebody who follows the events of workers and
// pools, against the same pool without health checks and listeners. Calls a second
// would say the same with ten times the noise.
func (s *session) upkeep(ctx context.Context) error {
	for range s.rounds {
		bare, err := s.costOfCall(ctx, "quiet")
		if err != nil {
			return err
		}
		kept, err := s.whileFollowing(ctx, []string{"worker.", "pool.", "operation."}, func() (time.Duration, error) { return s.costOfCall(ctx, "bench") })
		if err != nil {
			return err
		}
		told, err := s.whileFollowing(ctx, nil, func() (time.Duration, error) { return s.costOfCall(ctx, "bench") })
		if err != nil {
			return err
		}
		s.table.add("CPU for one call, supervisor and worker", "us", 0, micros(bare))
		s.table.add("same, with health checks and events / without", "x", 1.02, float64(kept)/float64(bare))
		s.table.add("same, with an event for each call / without", "x", 0, float64(told)/float64(bare))
	}
	return nil
}

// costOfCall returns the processor time that the supervisor and the workers of a pool
// spend on one call of 16 callers.
func (s *session) costOfCall(ctx context.Context, pool string) (time.Duration, error) {
	pids, err := s.pidsOf(ctx, pool)
	if err != nil {
		return 0, err
	}
	before, err := cpuTimes(pids)
	if err != nil {
		return 0, err
	}
	limited, cancel := context.WithTimeout(ctx, burst)
	seen := s.instance.callFrom(limited, 16, pool, "echo", json.RawMessage(`["x"]`))
	cancel()
	after, err := cpuTimes(pids)
	if err == nil && seen.failed > 0 {
		err = fmt.Errorf("%d of %d calls failed", seen.failed, len(seen.took))
	}
	return (after - before) / time.Duration(max(1, len(seen.took))), err
}

// pidsOf returns the supervisor and the workers of a pool.
func (s *session) pidsOf(ctx context.Context, pool string) ([]int, error) {
	status, err := s.instance.Status(ctx)
	if err != nil {
		return nil, err
	}
	workers, err := s.instance.Workers(ctx, pool)
	pids := []int{status.Supervisor.PID}
	for _, w := range workers {
		pids = append(pids, w.PID)
	}
	return pids, err
}

func cpuTimes(pids []int) (time.Duration, error) {
	var total time.Duration
	for _, pid := range pids {
		took, err := cpuTime(pid)
		if err != nil {
			return 0, err
		}
		total += took
	}
	return total, nil
}

// whileFollowing measures while somebody reads the events of these kinds, all for
// none.
func (s *session) whileFollowing(ctx context.Context, kinds []string, measure func() (time.Duration, error)) (time.Duration, error) {
	following, stop := context.WithCancel(ctx)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		_ = s.instance.Events(following, client.EventOptions{Filter: kinds, Follow: true}, func(client.EventRecord) error { return nil })
	}()
	took, err := measure()
	stop()
	<-heard
	return took, err
}

// endurance compares what the supervisor holds after a million calls with what it
// held after ten thousand.
func (s *session) endurance(ctx context.Context) error {
	const early, late = 10_000, 1_000_000
	status, err := s.instance.Status(ctx)
	if err != nil {
		return err
	}
	if err := s.callTimes(ctx, early); err != nil {
		return err
	}
	first, err := residentMemory(status.Supervisor.PID)
	if err != nil {
		s.table.missing("supervisor's memory after 1,000,000 calls / after 10,000", "x")
		return nil //nolint:nilerr // the system does not tell
	}
	if err := s.callTimes(ctx, late-early); err != nil {
		return err
	}
	last, err := residentMemory(status.Supervisor.PID)
	s.table.add("supervisor's memory after 10,000 calls", "MiB", 0, float64(first)/(1<<20))
	s.table.add("supervisor's memory after 1,000,000 calls / after 10,000", "x", 1.1, float64(last)/float64(first))
	return err
}

// callTimes makes that many calls, shared among 16 callers.
func (s *session) callTimes(ctx context.Context, calls int) error {
	const callers = 16
	failures := make([]error, callers)
	var all sync.WaitGroup
	for i := range failures {
		all.Go(func() {
			for n := 0; n < calls/callers && failures[i] == nil; n++ {
				failures[i] = s.execute(ctx, "echo", json.RawMessage(`["x"]`))
			}
		})
	}
	all.Wait()
	return errors.Join(failures...)
}
