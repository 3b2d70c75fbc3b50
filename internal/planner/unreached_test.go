package planner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// TestUnreachedSizeIsPlanned plans for a pool whose accepted size never came into
// force, because the apply that set it was stopped before: the next plan carries
// it out.
func TestUnreachedSizeIsPlanned(t *testing.T) {
	desired := config(t, `{"pools": [{"name": "api", "adapter": "./a.py", "size": 1}]}`)
	observed := world(t, `{"revision": 3}`, &desired, desired)
	former := desired.Pools[0]
	former.Size = 3
	observed.Pools["pool.api"] = populate(&former, hashOf(&desired, "pool.api"), nil)

	plan := planner.Decide(desired, observed, planner.Options{})
	if len(plan.Changes) != 1 {
		t.Fatalf("Decide() has %d changes, want one", len(plan.Changes))
	}
	got := plan.Changes[0]
	if got.Action != planner.ActionResize || got.OldSize != 3 || got.Size != 1 {
		t.Errorf("Decide() = %s %d -> %d, want resize 3 -> 1", got.Action, got.OldSize, got.Size)
	}
	if diff := cmp.Diff(planner.WorkerDelta{Drain: 2, Keep: 1}, got.Workers); diff != "" {
		t.Errorf("workers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]planner.Reason{planner.ReasonAttrChanged}, got.Reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}

	delete(observed.Pools, "pool.api")
	observed.WorkersObserved = false
	if plan := planner.Decide(desired, observed, planner.Options{}); !plan.Empty() {
		t.Errorf("Decide() = %+v where nothing is known of the pool, want no change", plan.Changes)
	}
	observed.Pools["pool.api"] = pool.ObservedPool{Size: 1}
	if plan := planner.Decide(desired, observed, planner.Options{}); !plan.Empty() {
		t.Errorf("Decide() = %+v from what the state remembers, want no change", plan.Changes)
	}
}
