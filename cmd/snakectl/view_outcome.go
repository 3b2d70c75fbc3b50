package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// tellOutcome prints how an operation ended: success on Stdout, anything else on
// Stderr with the reasons.
func (a *App) tellOutcome(ctx context.Context, c *client.Client, w *wish, plan *planner.Plan, outcome *pool.Outcome, failures []pool.Event) {
	switch outcome.Result {
	case pool.ResultConverged, pool.ResultUnchanged:
		fmt.Fprintln(a.Stdout, appliedLine(plan, outcome))
		return
	}
	for _, ev := range failures {
		if ev.Type == pool.EventPreflightFailed {
			text := renderPreflightFailure(ev, w.snippet(ev.Addr), isNew(plan, ev.Addr))
			fmt.Fprint(a.Stderr, "\n"+a.errorWord()+sourcePaths(text, filepath.Dir(c.Socket())))
		}
		if ev.Type == pool.EventRuntimeFailed {
			fmt.Fprint(a.Stderr, "\n"+a.errorWord()+renderRuntimeFailure(ev, w.runtimeSnippet(ev.Addr)))
		}
	}
	serving := -1
	if status, err := c.Status(ctx); err == nil {
		serving = readyWorkers(status)
	}
	base := plan.BaseRevision
	if outcome.Result == pool.ResultStale {
		base = outcome.Revision // others have applied since
	}
	fmt.Fprint(a.Stderr, renderFailedOutcome(outcome, failures, base, serving))
}

// snippet returns the lines of the configuration that name the pool's adapter.
func (w *wish) snippet(addr string) string {
	if w.conf == nil {
		return ""
	}
	return w.conf.config.Snippet(addr, "adapter")
}

func isNew(plan *planner.Plan, addr string) bool {
	return slices.ContainsFunc(plan.Changes, func(c planner.Change) bool {
		return c.Address == addr && c.Action == planner.ActionCreate
	})
}

func addressesOf(plan *planner.Plan) []string {
	list := make([]string, len(plan.Changes))
	for i := range plan.Changes {
		list[i] = plan.Changes[i].Address
	}
	return list
}

func readyWorkers(s *pool.Status) int {
	ready := 0
	for i := range s.Pools {
		ready += s.Pools[i].Ready
	}
	return ready
}

// appliedLine is the last line of an apply that reached its goal.
func appliedLine(plan *planner.Plan, outcome *pool.Outcome) string {
	if outcome.Result == pool.ResultUnchanged {
		return fmt.Sprintf("No changes were needed any more: everything matches revision %d.", outcome.Revision)
	}
	counts := map[planner.Action]int{}
	serving := false
	for i := range plan.Changes {
		action := plan.Changes[i].Action
		counts[action]++
		serving = serving || (action != planner.ActionCreate && action != planner.ActionMove && action != planner.ActionUpdate)
	}
	var parts []string
	for _, action := range []planner.Action{
		planner.ActionCreate, planner.ActionMove, planner.ActionUpdate, planner.ActionResize, planner.ActionRepair,
		planner.ActionRoll, planner.ActionRecreate, planner.ActionDestroy,
	} {
		if counts[action] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[action], pastTense[action]))
		}
	}
	line := fmt.Sprintf("Applied revision %d in %s: %s.", outcome.Revision, seconds(outcome.MS), strings.Join(parts, ", "))
	if serving {
		line += fmt.Sprintf(" %s failed meanwhile.", count(int(outcome.CallsFailed), "call"))
	}
	return line
}

// renderPreflightFailure says why a pool's adapter does not start, with the line
// that names it and Python's own words.
func renderPreflightFailure(ev pool.Event, snippet string, created bool) string {
	var b strings.Builder
	adapter := "new adapter"
	if created {
		adapter = "adapter"
	}
	fmt.Fprintf(&b, "%s: the %s does not start\n\n", ev.Addr, adapter)
	if snippet != "" {
		b.WriteString(snippet + "\n\n")
	}
	after := ""
	if ms := number(ev.Data, "ms"); ms > 0 {
		after = " after " + seconds(ms)
	}
	e := callErrorOf(ev.Data)
	if e == nil {
		fmt.Fprintf(&b, "The preflight worker failed%s: %s\n", after, or(ev.Msg, "no reason was given"))
		return b.String()
	}
	words := or(e.Traceback, e.Stderr)
	switch {
	case e.Exit != "":
		fmt.Fprintf(&b, "The preflight worker %s%s%s\n", e.Exit, after, endOf(words))
	case words == "" || e.Type == "" || !strings.Contains(words, e.Type):
		fmt.Fprintf(&b, "The preflight worker failed%s: %s\n", after, strings.TrimSpace(errorText(e)))
	default:
		fmt.Fprintf(&b, "The preflight worker failed%s:\n", after)
	}
	b.WriteString(indent(words, "    "))
	if e.Hint != "" {
		b.WriteString(e.Hint + "\n")
	}
	return b.String()
}

// endOf ends a sentence that a worker's last words may follow.
func endOf(words string) string {
	if words == "" {
		return " and wrote nothing."
	}
	return ":"
}

func errorText(e *pool.CallError) string {
	if e.Type == "" {
		return e.Message
	}
	return e.Type + ": " + e.Message
}

// renderFailedOutcome says what an operation that missed its goal has left. A
// negative serving means that nobody knows how many workers run.
func renderFailedOutcome(o *pool.Outcome, failures []pool.Event, base uint64, serving int) string {
	var b strings.Builder
	if o.Message != "" && !strings.EqualFold(o.Message, "nothing was changed") {
		b.WriteString(o.Message + "\n")
	}
	if o.Result == pool.ResultFailed || o.Result == pool.ResultStale || o.Result == pool.ResultConflict {
		b.WriteString("Nothing was changed" + stillRunning(base, serving) + ".\n")
		return b.String()
	}
	width := progressWidth(slices.Concat(o.Done, o.Failed, o.Reverted, o.NotAttempted))
	for _, addr := range o.Done {
		b.WriteString(progressLine(addr, "done", width) + "\n")
	}
	for _, addr := range o.Failed {
		state := "failed" + reasonFor(addr, failures)
		if o.Result == pool.ResultInterrupted {
			state = "stopped before its goal"
		}
		b.WriteString(progressLine(addr, state, width) + "\n")
	}
	for _, addr := range o.Reverted {
		b.WriteString(progressLine(addr, "reverted"+reasonFor(addr, failures), width) + "\n")
	}
	for _, addr := range o.NotAttempted {
		b.WriteString(progressLine(addr, "not attempted", width) + "\n")
	}
	if o.Result == pool.ResultReverted {
		fmt.Fprintf(&b, "Reverted after %s: revision %d says what runs now. %s failed meanwhile.\n", seconds(o.MS), o.Revision, count(int(o.CallsFailed), "call")) //nolint:gosec // a count of calls fits
		return b.String()
	}
	word := "did not reach its goal"
	if o.Result == pool.ResultInterrupted {
		word = "was stopped"
	}
	fmt.Fprintf(&b, "Revision %d %s after %s. See \"snakectl status\"; \"snakectl apply\" goes on from here.\n", o.Revision, word, seconds(o.MS))
	return b.String()
}

func stillRunning(base uint64, serving int) string {
	switch {
	case serving < 0 || base == 0:
		return ""
	case serving == 1:
		return fmt.Sprintf(": 1 worker still runs revision %d", base)
	}
	return fmt.Sprintf(": %d workers still run revision %d", serving, base)
}

func reasonFor(addr string, failures []pool.Event) string {
	for _, ev := range failures {
		if ev.Addr == addr {
			if reason := or(textOf(ev.Data, "reason"), ev.Msg); reason != "" {
				return ": " + reason
			}
		}
	}
	return ""
}
