package state_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

// tricky is a message that looks like the members around it.
const tricky = `one","desired":{"x":1},"touched":["pool.z"]`

// TestHeadsAreTheRevisionsWithoutSpecs compares what is read of the head alone with
// what is decoded as a whole.
func TestHeadsAreTheRevisionsWithoutSpecs(t *testing.T) {
	dir := t.TempDir()
	s, _, err := state.Open(dir, options())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		a := state.Acceptance{Base: s.Revision(), Desired: desired(i), By: "me@box", Touched: []string{"pool.api"}}
		if i == 1 {
			a.Message, a.Git, a.Touched = tricky, &pool.Git{Commit: "3f9c", Branch: "main", Dirty: true}, nil
		}
		if _, err := s.Accept(a); err != nil {
			t.Fatal(err)
		}
	}
	revisions, err := s.History(0)
	if err != nil {
		t.Fatal(err)
	}
	var want []pool.RevisionHead
	for i := range revisions {
		want = append(want, revisions[i].Head())
	}
	got, err := s.Heads(0, 0)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Heads (-want +got), error %v:\n%s", err, diff)
	}
	if got, err = s.Heads(1, 0); err != nil || len(got) != 2 {
		t.Errorf("Heads after 1 = %d revisions, %v; want 2", len(got), err)
	}
	if got, err = s.Heads(0, 1); err != nil || len(got) != 1 || got[0].Number != 3 {
		t.Errorf("Heads, one of them = %+v, %v; want revision 3", got, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err = state.ReadHeads(dir); err != nil || len(got) != 3 {
		t.Errorf("ReadHeads = %d revisions, %v; want 3", len(got), err)
	}
	rev, err := state.ReadRevision(dir, 2)
	if diff := cmp.Diff(revisions[1], rev); err != nil || diff != "" {
		t.Errorf("ReadRevision (-want +got), error %v:\n%s", err, diff)
	}
	if _, err := state.ReadRevision(dir, 9); err == nil {
		t.Error("ReadRevision finds a revision that was never there")
	}
	if got, err := state.ReadHeads(t.TempDir()); err != nil || len(got) != 0 {
		t.Errorf("ReadHeads of an empty directory = %v, %v", got, err)
	}
}

// TestHeadsDecodeNoSpec: the work for a revision does not grow with its spec.
func TestHeadsDecodeNoSpec(t *testing.T) {
	allocations := func(pools int) float64 {
		s := openHistory(t, 20, pools)
		return testing.AllocsPerRun(5, func() {
			if heads, err := s.Heads(0, 0); err != nil || len(heads) != 20 {
				t.Fatalf("%d heads, %v", len(heads), err)
			}
		})
	}
	if few, many := allocations(1), allocations(50); many > 1.5*few {
		t.Errorf("heads of 50 pools cost %.0f allocations, of one pool %.0f", many, few)
	}
}

// BenchmarkHeads lists revisions of ten pools each.
func BenchmarkHeads(b *testing.B) {
	s := openHistory(b, 1000, 10)
	b.ResetTimer()
	for b.Loop() {
		if heads, err := s.Heads(0, 0); err != nil || len(heads) != 1000 {
			b.Fatalf("%d heads, %v", len(heads), err)
		}
	}
}

// openHistory returns a store with that many revisions.
func openHistory(t testing.TB, revisions, pools int) *state.Store {
	t.Helper()
	dir := t.TempDir()
	s, _, err := state.Open(dir, options())
	if err != nil {
		t.Fatal(err)
	}
	d := desired(1)
	d.Settings.HistoryKeep = revisions
	for i := len(d.Pools); i < pools; i++ {
		d.Pools = append(d.Pools, pool.Pool{Name: fmt.Sprint("more", i), Size: 4})
	}
	for range revisions {
		if _, err := s.Accept(state.Acceptance{Base: s.Revision(), Desired: d, By: "me@box", Touched: []string{"pool.api"}}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
	})
	return s
}
