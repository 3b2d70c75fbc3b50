package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// waysToStart are the pools whose workers start in different ways.
var waysToStart = []struct {
	pool, name string
	targets    [3]float64
	memory     float64
}{
	{"ready", "forked", [3]float64{0, 0, 300}, 3},
	{"spawned", "spawned", [3]float64{150, 0, 1500}, 12},
}

// starts measures how long workers take from the request to ready: forked from a
// server that has imported already, and spawned.
func (s *session) starts(ctx context.Context) error {
	for i, workers := range [3]int{4, 16, 100} {
		for round := range s.rounds {
			if workers == 100 && round == 3 {
				break
			}
			for _, way := range waysToStart {
				took, err := s.grow(ctx, way.pool, workers)
				if err != nil {
					return err
				}
				s.table.add(fmt.Sprintf("%d workers ready, %s", workers, way.name), "ms", way.targets[i], millis(took))
				if err := s.memory(ctx, way.pool, way.name, workers, way.memory); err != nil {
					return err
				}
				if err := s.empty(ctx, way.pool); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// grow scales a pool, which has a fork server by now if it ever will, and returns how
// long it took until it had as many ready workers. The supervisor tells: asking a
// hundred times would cost it more than the start does.
func (s *session) grow(ctx context.Context, pool string, size int) (time.Duration, error) {
	begin := time.Now()
	if _, err := s.instance.Scale(ctx, pool, size, "bench"); err != nil {
		return 0, err
	}
	if err := s.instance.WaitReady(ctx, pool); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	alive, err := s.instance.alive(ctx, pool)
	if err == nil && len(alive) != size {
		err = fmt.Errorf("%d workers are ready, not %d", len(alive), size)
	}
	return took, err
}

// empty scales a pool to no worker and waits until the last one is gone.
func (s *session) empty(ctx context.Context, pool string) error {
	if _, err := s.instance.Scale(ctx, pool, 0, "bench"); err != nil {
		return err
	}
	return until(ctx, func() (bool, error) {
		workers, err := s.instance.Workers(ctx, pool)
		return len(workers) == 0, err
	})
}

// memory notes what each of a hundred workers of a pool holds, and the processor time
// that each has used to become ready.
func (s *session) memory(ctx context.Context, pool, name string, count int, target float64) error {
	if count != 100 {
		return nil
	}
	workers, err := s.instance.Workers(ctx, pool)
	if err != nil {
		return err
	}
	var held int64
	var used time.Duration
	for _, w := range workers {
		share, err := proportionalMemory(w.PID)
		if err != nil {
			return nil //nolint:nilerr // the system does not tell
		}
		took, err := cpuTime(w.PID)
		if err != nil {
			return nil //nolint:nilerr // the system does not tell
		}
		held, used = held+share, used+took
	}
	s.table.add("proportional memory of a worker, "+name, "MiB", target, float64(held)/float64(count)/(1<<20))
	s.table.add("processor time of a worker until ready, "+name, "ms", 0, millis(used)/float64(count))
	return nil
}

// commands measures whole processes of the command line.
func (s *session) commands(ctx context.Context) error {
	hundred := filepath.Join(s.dir, "hundred")
	if err := writePools(hundred, 100); err != nil {
		return err
	}
	for range s.rounds {
		took, err := s.instance.run(ctx, "plan", hundred)
		if err != nil {
			return err
		}
		s.table.add("snakectl plan of 100 pools, whole process", "ms", 50, millis(took))
		runs := make([]time.Duration, 10)
		for i := range runs {
			if runs[i], err = s.instance.run(ctx, "exec", "bench", "echo", `{"x":1}`); err != nil {
				return err
			}
		}
		s.table.add("snakectl exec, whole process", "ms", 30, millis(percentile(runs, 0.5)))
	}
	return nil
}

// writePools writes a configuration of n pools with one adapter.
func writePools(dir string, n int) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	code, err := files.ReadFile("files/adapter.py")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "adapter.py"), code, 0o600); err != nil {
		return err
	}
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "pool \"p%d\" {\n  adapter = \"./adapter.py\"\n  size    = %d\n}\n\n", i, i%8+1)
	}
	return os.WriteFile(filepath.Join(dir, "pools.hcl"), []byte(text.String()), 0o600)
}
