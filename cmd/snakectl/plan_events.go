package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// The events that the command itself puts before those of the supervisor; their
// seq is 0.
const (
	eventVersion       = "version"
	eventDrift         = "drift"
	eventPlannedChange = "planned_change"
	eventChangeSummary = "change_summary"
)

// printPlanEvents prints a plan as the first lines of apply --json.
func (a *App) printPlanEvents(plan *planner.Plan) error {
	events := planEvents(plan, a.Version)
	lines := json.NewEncoder(a.Stdout)
	now := time.Now().UTC()
	for i := range events {
		events[i].V, events[i].TS = 1, now
		if err := lines.Encode(events[i]); err != nil {
			return fmt.Errorf("cannot print the plan: %w", err)
		}
	}
	return nil
}

// planEvents returns a plan as events without time.
func planEvents(plan *planner.Plan, version string) []pool.Event {
	events := []pool.Event{{Type: eventVersion, Msg: "snakectl " + version, Data: map[string]any{"version": version}}}
	for i := range plan.Drift {
		d := &plan.Drift[i]
		events = append(events, pool.Event{Type: eventDrift, Addr: d.Address, Msg: d.Detail, Data: map[string]any{"drift": d}})
	}
	for i := range plan.Changes {
		change := &plan.Changes[i]
		events = append(events, pool.Event{
			Type: eventPlannedChange, Addr: change.Address, Msg: string(change.Action),
			Data: map[string]any{"change": change},
		})
	}
	return append(events, pool.Event{
		Type: eventChangeSummary, Msg: count(len(plan.Changes), "change"),
		Data: map[string]any{"summary": plan.Summary, "workers": plan.Workers, "base_revision": plan.BaseRevision},
	})
}
