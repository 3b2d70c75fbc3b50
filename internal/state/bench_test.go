package state_test

import (
	"fmt"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

func openBench(b *testing.B) *state.Store {
	b.Helper()
	s, _, err := state.Open(b.TempDir(), options())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// BenchmarkAccept accepts specs of ten pools while 100 workers are on record. It
// is made of file syncs: two of the transaction, the others of what stands
// beside it.
func BenchmarkAccept(b *testing.B) {
	s := openBench(b)
	if err := s.PutWorkers(workers(100)); err != nil {
		b.Fatal(err)
	}
	d := desired(1)
	for i := range 8 {
		d.Pools = append(d.Pools, pool.Pool{Name: fmt.Sprint("more", i), Size: 4})
	}
	for b.Loop() {
		rev, err := s.Accept(state.Acceptance{Base: s.Revision(), Desired: d, Op: "op"})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.FinishRevision(rev.Number, pool.RevisionStable, "op", pool.Outcome{}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkPutWorkers records 100 workers in one transaction.
func BenchmarkPutWorkers(b *testing.B) {
	s := openBench(b)
	records := workers(100)
	for b.Loop() {
		if err := s.PutWorkers(records); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpdateStep is one small transaction: what a sync costs.
func BenchmarkUpdateStep(b *testing.B) {
	s := openBench(b)
	op := state.Operation{ID: "op", Steps: []state.Step{{Address: "pool.api"}}}
	if err := s.PutOperation(op); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.UpdateStep("op", "pool.api", state.StepRunning); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a store with 50 revisions and 100 workers, proof included.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s, _, err := state.Open(dir, options())
	if err != nil {
		b.Fatal(err)
	}
	for range 50 {
		if _, err := s.Accept(state.Acceptance{Base: s.Revision(), Desired: desired(1)}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.PutWorkers(workers(100)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		if s, _, err = state.Open(dir, options()); err != nil {
			b.Fatal(err)
		}
	}
	_ = s.Close()
}
