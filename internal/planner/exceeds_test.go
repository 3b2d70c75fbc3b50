package planner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

func TestExceeds(t *testing.T) {
	approved := planner.Change{
		Address: "pool.api", Action: planner.ActionRoll, Size: 4, OldSize: 4, LaunchHash: "new",
		Attributes: []planner.Attribute{{Path: "adapter", New: "./b.py"}, {Path: "queue.max", New: 5.0}},
		Workers:    planner.WorkerDelta{Start: 1, Replace: 3, Drain: 1},
	}
	tests := map[string]struct {
		edit func(*planner.Change)
		want []string
	}{
		"the same":                     {func(*planner.Change) {}, nil},
		"fewer workers":                {func(c *planner.Change) { c.Workers = planner.WorkerDelta{Replace: 1, Keep: 3} }, nil},
		"fewer attributes":             {func(c *planner.Change) { c.Attributes = c.Attributes[:1] }, nil},
		"a milder action":              {func(c *planner.Change) { c.Action = planner.ActionRepair }, nil},
		"a worker died after approval": {func(c *planner.Change) { c.Workers = planner.WorkerDelta{Start: 2, Replace: 2} }, nil},
		"a worse action": {
			func(c *planner.Change) { c.Action = planner.ActionRecreate },
			[]string{"pool.api: approved was roll, now it would recreate"},
		},
		"a create where the pool was there": {
			func(c *planner.Change) { c.Action = planner.ActionCreate },
			[]string{"pool.api: approved was roll, now it would create"},
		},
		"another address": {
			func(c *planner.Change) { c.Address = "pool.etl" },
			[]string{"pool.etl: the approved plan changes nothing here, now it would roll"},
		},
		"another size": {
			func(c *planner.Change) { c.Size = 5 },
			[]string{"pool.api: approved was size 4, now it would be 5"},
		},
		"other code": {
			func(c *planner.Change) { c.LaunchHash = "other" },
			[]string{"pool.api: the code, runtime or configuration is not the one that was approved"},
		},
		"another value": {
			func(c *planner.Change) { c.Attributes = []planner.Attribute{{Path: "queue.max", New: 6.0}} },
			[]string{"pool.api: the approved plan does not change queue.max this way"},
		},
		"another attribute": {
			func(c *planner.Change) { c.Attributes = []planner.Attribute{{Path: "size", New: 4.0}} },
			[]string{"pool.api: the approved plan does not change size this way"},
		},
		"more workers": {
			func(c *planner.Change) { c.Workers = planner.WorkerDelta{Start: 2, Replace: 3, Drain: 2, Stop: 1} },
			[]string{
				"pool.api: approved was to start or replace 4 workers, now it would be 5",
				"pool.api: approved was to drain 1 worker, now it would be 2",
				"pool.api: approved was to stop 0 workers, now it would be 1",
			},
		},
		"more replaced": {
			func(c *planner.Change) { c.Workers = planner.WorkerDelta{Replace: 4} },
			[]string{"pool.api: approved was to replace 3 workers, now it would be 4"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			actual := approved
			tt.edit(&actual)
			got := planner.Exceeds(
				planner.Plan{Changes: []planner.Change{actual}},
				planner.Plan{Changes: []planner.Change{approved}},
			)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Exceeds (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNothingNeverExceeds(t *testing.T) {
	approved := planner.Plan{Changes: []planner.Change{{Address: "pool.api", Action: planner.ActionDestroy}}}
	if got := planner.Exceeds(planner.Plan{}, approved); got != nil {
		t.Errorf("Exceeds = %q, want none", got)
	}
}

// A limit of memory that would be kept by another mechanism is not what was approved.
func TestExceedsByAnotherMechanism(t *testing.T) {
	desired := config(t, `{"pools":[{"name":"api","adapter":"m","limits":{"memory":"64MiB"}}]}`)
	plan := func(by pool.Mechanism) planner.Plan {
		return planner.Decide(desired, pool.Observed{Confinement: pool.Confinement{Memory: by}}, planner.Options{})
	}
	approved := plan(pool.MechanismCgroup)
	if got := approved.Changes[0].Attributes; got[len(got)-1].By != pool.MechanismCgroup {
		t.Errorf("attributes = %+v, want limits.memory by cgroup v2", got)
	}
	if more := planner.Exceeds(plan(pool.MechanismCgroup), approved); len(more) > 0 {
		t.Errorf("Exceeds of the same plan = %q", more)
	}
	want := "pool.api: approved was limits.memory by cgroup v2, now it would be by rlimit"
	if more := planner.Exceeds(plan(pool.MechanismRlimit), approved); len(more) != 1 || more[0] != want {
		t.Errorf("Exceeds = %q, want %q", more, want)
	}
}
