package planner_test

import (
	"slices"
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

// TestWhatWasNotCarriedOutIsPlanned plans for a pool that an apply ended before: the
// accepted spec has another queue, and what is in force has the former one.
func TestWhatWasNotCarriedOutIsPlanned(t *testing.T) {
	former := config(t, `{"pools": [{"name": "api", "adapter": "./a.py"}]}`)
	accepted := config(t, `{"pools": [{"name": "api", "adapter": "./a.py", "queue": {"max": 7}}]}`)
	other := config(t, `{"pools": [{"name": "api", "adapter": "./b.py", "queue": {"max": 7}}]}`)
	for name, c := range map[string]struct {
		desired pool.Desired
		action  planner.Action
		want    []string
	}{
		"again":      {accepted, planner.ActionUpdate, []string{"queue.max"}},
		"and more":   {other, planner.ActionRoll, []string{"adapter", "queue.max"}},
		"taken back": {former, planner.ActionUpdate, nil}, // accepting it is a change
	} {
		t.Run(name, func(t *testing.T) {
			observed := world(t, `{"revision": 3}`, &accepted, c.desired)
			lagBehind(&observed, former)
			plan := planner.Decide(c.desired, observed, planner.Options{})
			if len(plan.Changes) != 1 || plan.Changes[0].Action != c.action {
				t.Fatalf("Decide() = %+v, want one change, %s", plan.Changes, c.action)
			}
			var paths []string
			for _, a := range plan.Changes[0].Attributes {
				paths = append(paths, a.Path)
			}
			if diff := cmp.Diff(c.want, paths); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			if !slices.Contains(plan.Changes[0].Reasons, planner.ReasonNotCarriedOut) {
				t.Errorf("reasons = %q, want %s among them", plan.Changes[0].Reasons, planner.ReasonNotCarriedOut)
			}
		})
	}
	t.Run("no difference", func(t *testing.T) {
		observed := world(t, `{"revision": 3}`, &accepted, accepted)
		moved := config(t, `{"pools": [{"name": "api", "adapter": "./a.py", "queue": {"max": 7}}]}`)
		moved.Pools[0].Snapshot.Root = "/srv/elsewhere"
		lagBehind(&observed, moved)
		if plan := planner.Decide(accepted, observed, planner.Options{}); !plan.Empty() || len(plan.Drift) > 0 {
			t.Errorf("Decide() = %+v, want no change", plan)
		}
	})
}
