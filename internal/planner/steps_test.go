package planner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/planner"
)

func TestStepsTakeAwayLast(t *testing.T) {
	plan := planner.Plan{Changes: []planner.Change{
		{Address: "settings", Action: planner.ActionUpdate},
		{Address: "pool.a", Action: planner.ActionDestroy, OldSize: 2},
		{Address: "pool.b", Action: planner.ActionResize, OldSize: 4, Size: 2},
		{Address: "pool.c", Action: planner.ActionResize, OldSize: 2, Size: 4},
		{Address: "pool.d", Action: planner.ActionRoll, OldSize: 4, Size: 2},
		{Address: "pool.e", Action: planner.ActionRepair, OldSize: 4, Size: 4},
		{Address: "pool.f", Action: planner.ActionCreate, Size: 4},
		{Address: "pool.g", Action: planner.ActionRecreate, OldSize: 1, Size: 1},
		{Address: "pool.h", Action: planner.ActionUpdate, OldSize: 1, Size: 1},
	}}
	want := []planner.Step{
		{Address: "settings", Action: planner.ActionUpdate, Wave: 1},
		{Address: "pool.c", Action: planner.ActionResize, Wave: 1},
		{Address: "pool.d", Action: planner.ActionRoll, Wave: 1},
		{Address: "pool.e", Action: planner.ActionRepair, Wave: 1},
		{Address: "pool.f", Action: planner.ActionCreate, Wave: 1},
		{Address: "pool.g", Action: planner.ActionRecreate, Wave: 1},
		{Address: "pool.h", Action: planner.ActionUpdate, Wave: 1},
		{Address: "pool.a", Action: planner.ActionDestroy, Wave: 2},
		{Address: "pool.b", Action: planner.ActionResize, Wave: 2},
	}
	if diff := cmp.Diff(want, planner.Steps(plan)); diff != "" {
		t.Errorf("Steps (-want +got):\n%s", diff)
	}
}

// A pool goes after those that it depends on, and ends before them.
func TestStepsHeedDependencies(t *testing.T) {
	plan := planner.Plan{Changes: []planner.Change{
		{Address: "pool.a", Action: planner.ActionCreate, Size: 1, After: []string{"pool.b", "pool.unchanged"}},
		{Address: "pool.b", Action: planner.ActionRoll, Size: 1, OldSize: 1, After: []string{"pool.c"}},
		{Address: "pool.c", Action: planner.ActionUpdate, Size: 1, OldSize: 1},
		{Address: "pool.x", Action: planner.ActionDestroy, OldSize: 1},
		{Address: "pool.y", Action: planner.ActionDestroy, OldSize: 1, After: []string{"pool.x"}},
		{Address: "pool.z", Action: planner.ActionDestroy, OldSize: 1, After: []string{"pool.a"}},
	}}
	want := map[string]int{"pool.c": 1, "pool.b": 2, "pool.a": 3, "pool.y": 4, "pool.x": 5, "pool.z": 5}
	got := map[string]int{}
	for _, step := range planner.Steps(plan) {
		got[step.Address] = step.Wave
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("waves (-want +got):\n%s", diff)
	}
}
