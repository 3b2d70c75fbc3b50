package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// profilesConfig is what the configuration of profiles is made from; an empty
// interpreter leaves its pools out.
type profilesConfig struct {
	Free, Numeric string
	Threads       map[int]string // the pools by the number of their threads
}

// profiles measures what depends on the profile of a pool and on its Python: threads
// that sleep, threads without a GIL, and forks of a process that has imported numpy.
// They have an instance of their own.
func (s *session) profiles(ctx context.Context) error {
	config := profilesConfig{Free: freeThreaded(), Numeric: withNumpy(ctx, s.numeric), Threads: map[int]string{1: "single", 2: "double"}}
	dir := filepath.Join(s.dir, "profiles")
	if err := config.write(dir); err != nil {
		return err
	}
	instance, err := startInstance(ctx, s.instance.binary, filepath.Join(s.dir, "profiles.instance"), dir)
	if err != nil {
		return err
	}
	defer instance.stop(context.WithoutCancel(ctx))
	p := &session{dir: s.dir, instance: instance, rounds: s.rounds, table: table{group: s.table.group}}
	defer func() { s.table.rows = append(s.table.rows, p.table.rows...) }()
	for range p.rounds {
		if err := p.sleepers(ctx); err != nil {
			return err
		}
		if config.Free != "" {
			if err := p.threads(ctx, config.Threads); err != nil {
				return err
			}
		}
	}
	if config.Free == "" {
		p.table.missing(twoThreads, "x")
	}
	if config.Numeric == "" {
		p.table.missing("100 workers with numpy ready, forked", "ms")
		return nil
	}
	return p.numericStarts(ctx)
}

// write lays the configuration out in a new directory.
func (c profilesConfig) write(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"profiles_adapter.py", "numeric_adapter.py"} {
		b, err := files.ReadFile("files/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	text, err := template.ParseFS(files, "files/profiles.hcl")
	if err != nil {
		return err
	}
	var out strings.Builder
	if err := text.Execute(&out, c); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "profiles.hcl"), []byte(out.String()), 0o600)
}

// freeThreaded returns an interpreter without a GIL, "" where there is none.
func freeThreaded() string {
	for _, pattern := range []string{"/opt/snakepit/python/*t/bin/python3.[0-9]*t"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[len(found)-1]
		}
	}
	for _, name := range []string{"python3.14t", "python3.13t"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// withNumpy returns the interpreter if it can import numpy, else "".
func withNumpy(ctx context.Context, python string) string {
	if python == "" || exec.CommandContext(ctx, python, "-c", "import numpy").Run() != nil {
		return ""
	}
	return python
}

// sleepers measures 16 calls that sleep, in one worker of 16 threads, against one
// sleep.
func (s *session) sleepers(ctx context.Context) error {
	const nap = 200 * time.Millisecond
	args, err := json.Marshal([]int64{nap.Milliseconds()})
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, nap/2) // each caller calls once: the call that is under way counts
	defer cancel()
	begin := time.Now()
	seen := s.instance.callFrom(limited, 16, "sleepers", "wait", args)
	if seen.failed > 0 {
		return fmt.Errorf("%d of %d sleeping calls failed", seen.failed, len(seen.took))
	}
	s.table.add("16 sleeping calls in one worker / one sleep", "x", 1.2, float64(time.Since(begin))/float64(nap))
	return nil
}

const twoThreads = "JSON work without a GIL, two threads / one, time a call"

// threads measures calls that work on JSON in one thread and in two of a worker
// without a GIL: what a call takes of the clock, and of the processor. The latter says
// what threads cost each other where other processes want the cores too.
func (s *session) threads(ctx context.Context, pools map[int]string) error {
	took, used := map[int]float64{}, map[int]float64{}
	for threads, pool := range pools {
		workers, err := s.instance.Workers(ctx, pool)
		if err != nil {
			return err
		}
		before, cpuErr := cpuTime(workers[0].PID)
		limited, cancel := context.WithTimeout(ctx, burst)
		begin := time.Now()
		seen := s.instance.callFrom(limited, threads, pool, "reformat", nil)
		cancel()
		elapsed := time.Since(begin)
		after, err := cpuTime(workers[0].PID)
		if seen.failed > 0 {
			return fmt.Errorf("%d of %d calls failed", seen.failed, len(seen.took))
		}
		took[threads] = float64(elapsed) / float64(len(seen.took))
		if cpuErr == nil && err == nil {
			used[threads] = float64(after-before) / float64(len(seen.took))
		}
	}
	s.table.add(twoThreads, "x", 1/1.7, took[2]/took[1])
	if used[1] > 0 {
		s.table.add("same, processor time a call", "x", 2/1.7, used[2]/used[1])
	}
	return nil
}

// numericStarts measures forks of a server that has imported numpy.
func (s *session) numericStarts(ctx context.Context) error {
	for range min(3, s.rounds) {
		took, err := s.grow(ctx, "numeric", 100)
		if err != nil {
			return err
		}
		s.table.add("100 workers with numpy ready, forked", "ms", 300, millis(took))
		if err := s.memory(ctx, "numeric", "forked with numpy", 100, 3); err != nil {
			return err
		}
		if _, err := s.instance.Scale(ctx, "numeric", 1, "bench"); err != nil {
			return err
		}
		if err := until(ctx, func() (bool, error) {
			workers, err := s.instance.Workers(ctx, "numeric")
			return len(workers) == 1, err
		}); err != nil {
			return err
		}
	}
	for range s.rounds {
		took, err := s.killIdle(ctx, "numeric")
		if err != nil {
			return err
		}
		s.table.add("killed idle worker replaced, forked with numpy", "ms", 50, millis(took))
	}
	return nil
}

// killIdle kills the only worker of a pool and returns how long it took until another
// one was ready.
func (s *session) killIdle(ctx context.Context, pool string) (time.Duration, error) {
	workers, err := s.instance.Workers(ctx, pool)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := syscall.Kill(workers[0].PID, syscall.SIGKILL); err != nil {
		return 0, err
	}
	err = until(ctx, func() (bool, error) {
		now, err := s.instance.alive(ctx, pool)
		_, still := now[workers[0].Incarnation]
		return len(now) == 1 && !still, err
	})
	return time.Since(begin), err
}
