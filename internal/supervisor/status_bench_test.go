package supervisor

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// BenchmarkStatus describes 1,000 workers of four pools and encodes that, as for
// `snakectl status`. The workers are entries without processes; each has the pid of
// the benchmark, so that its memory is looked up as that of any other.
func BenchmarkStatus(b *testing.B) {
	const pools, each = 4, 250
	s := &Supervisor{
		log: discard, table: table{runners: map[string]*runner{}}, events: event.NewHub(), ledger: newLedger(discard), detached: make(chan struct{}),
	}
	defer s.events.Close()
	defer s.loops.Wait()
	defer close(s.detached)
	for n := range pools {
		spec := pool.Pool{Name: fmt.Sprintf("p%d", n), Size: each}
		s.runnerFor(&spec).read(func(r *runner) { r.populate(&spec) })
	}
	for b.Loop() {
		status := s.Status("")
		text, err := json.Marshal(status)
		if err != nil {
			b.Fatal(err)
		}
		if n := len(status.Pools[0].Workers); n != each || len(text) == 0 {
			b.Fatalf("%d workers in %d bytes, want %d", n, len(text), each)
		}
	}
}

// populate fills every place with a worker that is ready.
func (r *runner) populate(spec *pool.Pool) {
	now := time.Now()
	for place := range spec.Size {
		id := fmt.Sprintf("%s-%d", spec.Name, place)
		w := &workerEntry{rec: pool.Worker{Pool: r.addr(), Place: place, Incarnation: id, PID: os.Getpid(), StartedAt: now}, runner: r, state: pool.WorkerReady}
		w.slots = r.dispatcher.addSlots(w, 1)
		r.workers[id] = w
		r.machine.Step(now, lifecycle.Adopt{Worker: id, Place: place, Launch: "a"})
		r.machine.Step(now, lifecycle.Happened{Worker: id, Event: pool.WorkerReturned})
	}
	r.machine.Step(now, lifecycle.Configure{Target: lifecycle.Target{Spec: *spec, Launch: "a", Size: spec.Size}})
}
