package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// starts measures how long workers take from the request to ready.
func (s *session) starts(ctx context.Context) error {
	for _, t := range []struct {
		workers int
		target  float64
		rounds  int
	}{{4, 150, s.rounds}, {16, 0, s.rounds}, {100, 1500, 3}} {
		for range t.rounds {
			took, err := s.grow(ctx, t.workers)
			if err != nil {
				return err
			}
			s.table.add(fmt.Sprintf("%d workers ready", t.workers), "ms", t.target, millis(took))
			if t.workers == 16 {
				if err := s.memory(ctx); err != nil {
					return err
				}
			}
			if err := s.empty(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// grow scales the pool "ready" and returns how long it took until it had as many
// ready workers. The supervisor tells: asking a hundred times would cost it more than
// the start does.
func (s *session) grow(ctx context.Context, size int) (time.Duration, error) {
	begin := time.Now()
	if _, err := s.instance.Scale(ctx, "ready", size, "bench"); err != nil {
		return 0, err
	}
	if err := s.instance.WaitReady(ctx, "ready"); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	alive, err := s.instance.alive(ctx, "ready")
	if err == nil && len(alive) != size {
		err = fmt.Errorf("%d workers are ready, not %d", len(alive), size)
	}
	return took, err
}

// empty scales the pool "ready" to no worker and waits until the last one is gone.
func (s *session) empty(ctx context.Context) error {
	if _, err := s.instance.Scale(ctx, "ready", 0, "bench"); err != nil {
		return err
	}
	return until(ctx, func() (bool, error) {
		workers, err := s.instance.Workers(ctx, "ready")
		return len(workers) == 0, err
	})
}

// memory notes what the workers of the pool "ready" hold alone.
func (s *session) memory(ctx context.Context) error {
	workers, err := s.instance.Workers(ctx, "ready")
	if err != nil {
		return err
	}
	var total int64
	for _, w := range workers {
		private, err := privateMemory(w.PID)
		if err != nil {
			return nil //nolint:nilerr // the system does not tell
		}
		total += private
	}
	s.table.add("private memory of a worker", "MiB", 0, float64(total)/float64(len(workers))/(1<<20))
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
