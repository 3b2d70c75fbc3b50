package state_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

var testTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func clock() time.Time { return testTime }

func options() state.Options { return state.Options{Version: "0.1.0", Now: clock} }

func mustOpen(t *testing.T, dir string) *state.Store {
	t.Helper()
	s, news, err := state.Open(dir, options())
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	if news != nil {
		t.Fatalf("Open recovered a sound store: %s", news.Message)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// desired returns a spec that differs with n.
func desired(n int) pool.Desired {
	return pool.Desired{
		Runtimes: map[string]pool.Runtime{"default": {Name: "default", Version: "3.12.1"}},
		Pools:    []pool.Pool{{Name: "api", Size: n, Adapter: "app:Api"}, {Name: "etl", Key: "eu", Size: 2}},
	}
}

func accept(t *testing.T, s *state.Store, n int) pool.Revision {
	t.Helper()
	rev, err := s.Accept(state.Acceptance{
		Base: s.Revision(), Desired: desired(n), By: "ops@box", At: testTime, Op: "op" + string(rune('a'+n)),
		Touched: []string{"pool.api"},
		Steps:   []state.Step{{Address: "pool.api", Action: "resize", Status: state.StepPending}},
	})
	if err != nil {
		t.Fatalf("Accept = %v", err)
	}
	return rev
}

func TestAcceptSurvivesReopening(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	if d, n := s.Accepted(); d != nil || n != 0 {
		t.Fatalf("Accepted() of a new store = %v, %d, want nil, 0", d, n)
	}
	accept(t, s, 1)
	rev := accept(t, s, 2)
	if rev.Number != 2 || rev.Status != pool.RevisionInProgress {
		t.Fatalf("Accept = revision %d %s, want 2 in_progress", rev.Number, rev.Status)
	}
	lineage := s.Lineage()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	got, n := s.Accepted()
	want := desired(2)
	if diff := cmp.Diff(&want, got); diff != "" || n != 2 {
		t.Errorf("Accepted() = revision %d (-want +got):\n%s", n, diff)
	}
	if s.Lineage() != lineage {
		t.Errorf("Lineage() = %q, want %q", s.Lineage(), lineage)
	}
}
