package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// status measures what `snakectl status` takes for 1,000 workers: to describe and
// encode them, and to render them. They have no processes, so it is the benchmarks of
// the packages that do it.
func (s *session) status(ctx context.Context) error {
	for range s.rounds {
		cmd := exec.CommandContext(ctx, "go", "test", "-run=^$", "-bench=^BenchmarkStatus", "-benchtime=20x", "./internal/supervisor", "./cmd/snakectl")
		cmd.Dir = s.root
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("cannot run the benchmarks of status: %w\n%s", err, out)
		}
		took, parts := sumOfBenchmarks(out)
		if parts != 2 {
			return fmt.Errorf("want the figures of two benchmarks of status:\n%s", out)
		}
		s.table.add("status of 1,000 workers", "ms", 50, millis(took))
	}
	return nil
}

// sumOfBenchmarks adds up the times of the benchmarks in the output of go test.
func sumOfBenchmarks(out []byte) (sum time.Duration, count int) {
	for line := range strings.Lines(string(bytes.TrimSpace(out))) {
		var name string
		var rounds int
		var nanoseconds float64
		if n, _ := fmt.Sscanf(line, "%s %d %f ns/op", &name, &rounds, &nanoseconds); n == 3 && strings.HasPrefix(name, "Benchmark") {
			sum += time.Duration(nanoseconds)
			count++
		}
	}
	return sum, count
}
