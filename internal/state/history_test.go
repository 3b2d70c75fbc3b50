package state_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

func TestAcceptRefusesAnotherBase(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	_, err := s.Accept(state.Acceptance{Base: 1, Desired: desired(1)})
	var conflict *state.ConflictError
	if !errors.As(err, &conflict) || conflict.Current != 0 {
		t.Fatalf("Accept on revision 1 of an empty store = %v, want a conflict with revision 0", err)
	}
	accept(t, s, 1)
	_, err = s.Accept(state.Acceptance{Base: 0, Desired: desired(2), By: "late@box", Op: "late"})
	if !errors.As(err, &conflict) {
		t.Fatalf("Accept of a stale spec = %v, want a *ConflictError", err)
	}
	want := &state.ConflictError{Base: 0, Current: 1, By: "ops@box", At: testTime}
	if diff := cmp.Diff(want, conflict); diff != "" {
		t.Errorf("conflict (-want +got):\n%s", diff)
	}
	if d, n := s.Accepted(); n != 1 || d.Pools[0].Size != 1 {
		t.Errorf("the refused spec changed the accepted one: revision %d, %+v", n, d)
	}
	if _, err := s.GetOperation("late"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("GetOperation of a refused apply = %v, want ErrNotFound", err)
	}
}

func TestFinishRevision(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	rev := accept(t, s, 1)
	outcome := pool.Outcome{Result: pool.ResultConverged, Revision: 1, Done: []string{"pool.api"}}
	if err := s.FinishRevision(rev.Number, pool.RevisionStable, "opb", outcome); err != nil {
		t.Fatal(err)
	}
	got, err := s.GetRevision(1)
	if err != nil || got.Status != pool.RevisionStable || got.By != "ops@box" {
		t.Errorf("GetRevision(1) = %+v, %v, want it stable", got, err)
	}
	op, err := s.GetOperation("opb")
	if err != nil || op.Status != state.OperationDone {
		t.Errorf("GetOperation = %+v, %v, want it done", op, err)
	}
	if diff := cmp.Diff(&outcome, op.Outcome); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	if err := s.FinishRevision(7, pool.RevisionStable, "", outcome); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("FinishRevision(7) = %v, want ErrNotFound", err)
	}
	if err := s.FinishRevision(1, pool.RevisionFailed, "none", outcome); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("FinishRevision with an unknown operation = %v, want ErrNotFound", err)
	}
	if got, _ := s.GetRevision(1); got.Status != pool.RevisionStable {
		t.Errorf("a failed transaction left the revision %s", got.Status)
	}
}

func TestHistoryKeepsWhatIsNeeded(t *testing.T) {
	opts := options()
	opts.HistoryKeep = 3
	s, _, err := state.Open(t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := 1; n <= 9; n++ {
		rev := accept(t, s, n)
		status := pool.RevisionFailed
		if n == 2 || n == 4 {
			status = pool.RevisionStable
		}
		if err := s.FinishRevision(rev.Number, status, "op"+string(rune('a'+n)), pool.Outcome{}); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			old := workers(1)[0]
			old.Revision = 1
			if err := s.PutWorkers([]pool.Worker{old}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff([]uint64{9, 8, 7, 4, 1}, numbers(t, s, 0)); diff != "" {
		t.Errorf("kept: 3 newest, 4 stable, 1 of a worker (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]uint64{9, 8}, numbers(t, s, 2)); diff != "" {
		t.Errorf("History(2) (-want +got):\n%s", diff)
	}
	if _, err := s.GetRevision(3); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("GetRevision(3) = %v, want ErrNotFound", err)
	}
	for n, want := range map[int]bool{1: true, 3: false, 4: true, 9: true} {
		if _, err := s.GetOperation("op" + string(rune('a'+n))); (err == nil) != want {
			t.Errorf("GetOperation of revision %d = %v, want it kept: %v", n, err, want)
		}
	}
	// The accepted settings go before the options.
	d := desired(1)
	d.Settings.HistoryKeep = 1
	if _, err := s.Accept(state.Acceptance{Base: 9, Desired: d}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint64{10, 4, 1}, numbers(t, s, 0)); diff != "" {
		t.Errorf("history_keep = 1 (-want +got):\n%s", diff)
	}
}

func numbers(t *testing.T, s *state.Store, limit int) []uint64 {
	t.Helper()
	history, err := s.History(limit)
	if err != nil {
		t.Fatal(err)
	}
	var out []uint64
	for _, rev := range history {
		out = append(out, rev.Number)
	}
	return out
}

func TestOperationsResume(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	accept(t, s, 1)
	repair := state.Operation{
		ID: "repair", By: "ops@box", At: testTime.Add(-time.Hour), Status: state.OperationRunning,
		Steps: []state.Step{{Address: "pool.etl", Action: "repair", Status: state.StepPending}},
	}
	if err := s.PutOperation(repair); err != nil {
		t.Fatal(err)
	}
	if err := s.UpdateStep("opb", "pool.api", state.StepRunning); err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][2]string{{"opb", "pool.other"}, {"none", "pool.api"}} {
		if err := s.UpdateStep(bad[0], bad[1], state.StepDone); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("UpdateStep(%q, %q) = %v, want ErrNotFound", bad[0], bad[1], err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	got, err := s.PendingOperations()
	want := []state.Operation{repair, {
		ID: "opb", Revision: 1, By: "ops@box", At: testTime, Status: state.OperationRunning,
		Steps: []state.Step{{Address: "pool.api", Action: "resize", Status: state.StepRunning}},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("PendingOperations, %v (-want +got):\n%s", err, diff)
	}
	if err := s.FinishOperation("repair", pool.Outcome{Result: pool.ResultInterrupted}); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.PendingOperations(); len(got) != 1 {
		t.Errorf("PendingOperations after one ended = %+v, want one", got)
	}
}

func TestOperationsWithoutARevisionDoNotPileUp(t *testing.T) {
	opts := options()
	opts.HistoryKeep = 2
	s, _, err := state.Open(t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := range 8 {
		op := state.Operation{ID: fmt.Sprint("repair", n), At: testTime.Add(time.Duration(n) * time.Second), Status: state.OperationDone}
		if err := s.PutOperation(op); err != nil {
			t.Fatal(err)
		}
	}
	accept(t, s, 1)
	for n := range 8 {
		if _, err := s.GetOperation(fmt.Sprint("repair", n)); (err == nil) != (n >= 6) {
			t.Errorf("GetOperation(repair%d) = %v, want the last two kept", n, err)
		}
	}
}
