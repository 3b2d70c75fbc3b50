package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// burst is how long callers call in one round.
const burst = time.Second

// tally is what callers saw.
type tally struct {
	took   []time.Duration
	failed int
}

// callFrom calls a command of a pool from several callers at one time until ctx
// ends.
func (i *instance) callFrom(ctx context.Context, callers int, pool, command string, args json.RawMessage) tally {
	background := context.WithoutCancel(ctx) // a call that is under way counts
	seen := make([]tally, callers)
	var all sync.WaitGroup
	for at := range seen {
		all.Go(func() {
			for ctx.Err() == nil {
				begin := time.Now()
				if _, err := i.Exec(background, pool, command, args); err != nil {
					seen[at].failed++
				}
				seen[at].took = append(seen[at].took, time.Since(begin))
			}
		})
	}
	all.Wait()
	var total tally
	for _, t := range seen {
		total.took = append(total.took, t.took...)
		total.failed += t.failed
	}
	return total
}

// throughput measures calls a second, and what the supervisor spends on one.
func (s *session) throughput(ctx context.Context) error {
	status, err := s.instance.Status(ctx)
	if err != nil {
		return err
	}
	for range s.rounds {
		for _, callers := range []int{1, 16, 64} {
			before, cpuErr := cpuTime(status.Supervisor.PID)
			limited, cancel := context.WithTimeout(ctx, burst)
			seen := s.instance.callFrom(limited, callers, "bench", "echo", json.RawMessage(`["x"]`))
			cancel()
			after, err := cpuTime(status.Supervisor.PID)
			if seen.failed > 0 {
				return fmt.Errorf("%d of %d calls failed", seen.failed, len(seen.took))
			}
			calls := float64(len(seen.took))
			s.table.add(fmt.Sprintf("%d callers, 4 workers", callers), "calls/s", 0, calls/burst.Seconds())
			if callers == 16 && cpuErr == nil && err == nil {
				s.table.add("supervisor's CPU for one call, 16 callers", "us", 25, micros(after-before)/calls)
			}
		}
	}
	return nil
}

// rollRounds is how often a roll is measured; each takes some seconds.
const rollRounds = 3

// rolls measures callers during a roll against the same callers without one.
func (s *session) rolls(ctx context.Context) error {
	adapter := filepath.Join(s.dir, "config", "roll_adapter.py")
	code, err := os.ReadFile(adapter)
	if err != nil {
		return err
	}
	for round := range rollRounds {
		limited, cancel := context.WithTimeout(ctx, burst)
		steady := s.instance.callFrom(limited, 16, "roll", "wait", json.RawMessage(`[5]`))
		cancel()
		if err := os.WriteFile(adapter, fmt.Appendf(code, "# round %d\n", round), 0o600); err != nil {
			return err
		}
		rolling, done := context.WithCancel(ctx)
		var took time.Duration
		go func() {
			defer done()
			took, err = s.instance.run(ctx, "apply", "--auto-approve", s.instance.config)
		}()
		seen := s.instance.callFrom(rolling, 16, "roll", "wait", json.RawMessage(`[5]`))
		if err != nil {
			return err
		}
		calm, stirred := percentile(steady.took, 0.99), percentile(seen.took, 0.99)
		s.table.add("roll of 4 workers under 16 callers", "ms", 0, millis(took))
		s.table.add("roll: failed calls", "", failedTarget, float64(seen.failed+steady.failed))
		s.table.add("roll: p99 without", "ms", 0, millis(calm))
		s.table.add("roll: p99 during / without", "x", 1.5, float64(stirred)/float64(calm))
	}
	return nil
}

// failedTarget is a target of no failed call: a row's target of 0 means none.
const failedTarget = 0.5
