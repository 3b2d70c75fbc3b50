package supervisor

import (
	"fmt"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
	"github.com/snakectl/snakectl/internal/worker"
)

// memoryStep is by how much a worker has to grow before it tells. The kernel's own
// count of one process may be off by some hundred KiB.
const memoryStep = int64(1 << 20)

// watchMemory tells a worker whether it is to say when a call made it grow. It runs
// in the pool loop.
func (r *runner) watchMemory(w *workerEntry) {
	step := int64(0)
	if r.launches[r.target].spec.Lifecycle.MaxMemory > 0 {
		step = memoryStep
	}
	if step == 0 && !w.memoryWatched {
		return
	}
	w.memoryWatched = step > 0
	event := wire.Event{Event: wire.EventSettings, MemoryStepBytes: &step}
	frame, err := wire.AppendJSON(nil, wire.Header{Type: wire.TypeEvent, Flags: wire.FlagIgnorable}, event)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	w.sendControl(frame)
}

// grew takes a worker's word that a call made it grow, and never waits: its memory
// is measured before long.
func (c *caretaker) grew(w *workerEntry) {
	c.mu.Lock()
	c.grown[w] = true
	c.mu.Unlock()
	select {
	case c.noted <- struct{}{}:
	default: // it is told already
	}
}

// measureGrown measures the workers that said that they grew.
func (c *caretaker) measureGrown() time.Duration {
	c.mu.Lock()
	grown := c.grown
	c.grown = map[*workerEntry]bool{}
	c.mu.Unlock()
	return c.measure(func(w *workerEntry) bool { return grown[w] })
}

// measure compares the memory of the ready workers that are wanted with the limit,
// and returns when one that is over it, but too young, is to be looked at again; 0
// for none.
func (c *caretaker) measure(wanted func(*workerEntry) bool) (again time.Duration) {
	limit := c.policy.Lifecycle.MaxMemory
	if limit == 0 {
		return 0
	}
	workers := slices.DeleteFunc(c.ready(), func(w *workerEntry) bool { return !wanted(w) })
	groups := make([]int, 0, len(workers))
	for _, w := range workers {
		groups = append(groups, w.rec.PID)
	}
	held := worker.GroupMemory(groups)
	for _, w := range workers {
		size := pool.Size(held[w.rec.PID])
		if size <= limit {
			continue
		}
		if young := c.policy.Lifecycle.MinLifetime.D() - time.Since(w.rec.StartedAt); young > 0 && (again == 0 || young < again) {
			again = young
		}
		reason := fmt.Sprintf("it holds %s, more than max_memory (%s)", size.Short(), limit)
		c.r.send(happening{lifecycle.OverMemory{Worker: w.rec.Incarnation, Reason: reason}})
	}
	return again
}

func everyWorker(*workerEntry) bool { return true }
