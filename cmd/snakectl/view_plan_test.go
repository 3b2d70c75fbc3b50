package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/test/golden"
)

// TestRenderPlanGolden renders the plan.json of each of the planner's archives,
// as a client of the supervisor does, and compares the text with plan.txt.
// UPDATE=1 writes plan.txt anew.
func TestRenderPlanGolden(t *testing.T) {
	golden.Archives(t, "../../internal/planner/testdata/plan/*.txtar", "plan.txt", func(t *testing.T, archive *txtar.Archive) string {
		plan, err := planner.Decode(golden.Section(archive, "plan.json"))
		if err != nil {
			t.Fatal(err)
		}
		return renderPlan(plan, viewOptions{})
	})
}

// mixedPlan has one change of every colour, a long value and many files.
func mixedPlan() planner.Plan {
	var files []planner.File
	for i := range 12 {
		files = append(files, planner.File{Path: fmt.Sprintf("lib/%02d.py", i), Change: "changed"})
	}
	return planner.Plan{
		BaseRevision: 3,
		Changes: []planner.Change{
			{Address: "pool.a", Action: planner.ActionCreate, Size: 1, Workers: planner.WorkerDelta{Start: 1}, Attributes: []planner.Attribute{
				{Path: "description", Effect: pool.EffectStored, New: strings.Repeat("é", 200)},
			}},
			{Address: "pool.b", Action: planner.ActionRoll, Size: 2, OldSize: 2, Capacity: 2, Files: files, Workers: planner.WorkerDelta{Replace: 2}, Update: &pool.Update{Surge: 1}},
			{Address: "pool.c", Action: planner.ActionRecreate, Size: 2, OldSize: 2, Workers: planner.WorkerDelta{Replace: 2}},
			{Address: "pool.d", Action: planner.ActionRepair, Size: 2, OldSize: 2, Places: []int{1}, Workers: planner.WorkerDelta{Start: 1, Keep: 1}},
			{Address: "pool.e", Action: planner.ActionDestroy, OldSize: 2, Workers: planner.WorkerDelta{Drain: 2}},
		},
		Summary: planner.Summary{Create: 1, Roll: 1, Recreate: 1, Repair: 1, Destroy: 1},
		Workers: planner.WorkerDelta{Start: 2, Replace: 4, Drain: 2, Keep: 1},
	}
}

func TestRenderPlanCompact(t *testing.T) {
	want := `pools.hcl: 4 pools

  + pool.a   start 1 worker
+/- pool.b   roll 2 workers, 1 at a time
-/+ pool.c   recreate 2 workers, all at once: downtime
  ! pool.d   repair 1 worker
  - pool.e   drain and stop 2 workers

Plan: 1 to create, 1 to update, 2 to roll, 1 to destroy.
Workers: 2 to start, 4 to replace, 2 to stop.
`
	got := renderPlan(mixedPlan(), viewOptions{Compact: true, Header: "pools.hcl: 4 pools", Width: 80})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("renderPlan (-want +got):\n%s", diff)
	}
}

func TestRenderPlanShortensUnlessVerbose(t *testing.T) {
	short, long := renderPlan(mixedPlan(), viewOptions{}), renderPlan(mixedPlan(), viewOptions{Verbose: true})
	for _, want := range []string{"… (202 characters)", "# (2 code files more, --verbose names them)"} {
		if !strings.Contains(short, want) || strings.Contains(long, want) {
			t.Errorf("%q: in the short text %t, in the long one %t; want true, false", want, strings.Contains(short, want), strings.Contains(long, want))
		}
	}
	for _, want := range []string{strings.Repeat("é", 200), "lib/11.py"} {
		if !strings.Contains(long, want) || strings.Contains(short, want) {
			t.Errorf("%q: in the short text %t, in the long one %t; want false, true", want, strings.Contains(short, want), strings.Contains(long, want))
		}
	}
}

// TestRenderPlanColors strips the colours and finds the plain text: a colour
// never says anything alone.
func TestRenderPlanColors(t *testing.T) {
	colored := renderPlan(mixedPlan(), viewOptions{Color: true})
	for symbol, code := range map[string]string{"+": "32", "+/-": "33", "-/+": "31", "!": "36", "-": "31"} {
		if want := "\x1b[" + code + "m" + symbol + "\x1b[0m pool."; !strings.Contains(colored, want) {
			t.Errorf("no %q in\n%s", want, colored)
		}
	}
	stripped := regexp.MustCompile(`\x1b\[[0-9]+m`).ReplaceAllString(colored, "")
	if diff := cmp.Diff(renderPlan(mixedPlan(), viewOptions{}), stripped); diff != "" {
		t.Errorf("without its colours (-plain +colored):\n%s", diff)
	}
}

func TestRenderPlanRepeatsDestructiveLines(t *testing.T) {
	plan := mixedPlan()
	plan.Changes[1].Files = nil // short enough
	if got := renderPlan(plan, viewOptions{}); strings.Contains(got, "Takes workers away:") {
		t.Errorf("a plan that fits a screen repeats itself:\n%s", got)
	}
	for i := range 12 {
		plan.Changes = append(plan.Changes, planner.Change{Address: fmt.Sprintf("pool.z%d", i), Action: planner.ActionUpdate})
	}
	_, recap, found := strings.Cut(renderPlan(plan, viewOptions{}), "Takes workers away:\n")
	if !found {
		t.Fatal("the destructive lines are not repeated")
	}
	for address, want := range map[string]bool{"pool.a ": false, "pool.b ": false, "pool.c ": true, "pool.d ": false, "pool.e ": true} {
		if got := strings.Contains(recap, address); got != want {
			t.Errorf("%s repeated: %t, want %t", address, got, want)
		}
	}
}

// TestRenderPlanIsInert renders text that would move a terminal's cursor.
func TestRenderPlanIsInert(t *testing.T) {
	const evil = "a\x1b[2Jb\r\nc"
	plan := mixedPlan()
	plan.Changes[0].Attributes[0].New = map[string]any{evil: []any{evil}}
	plan.Changes[1].Files[0].Path = evil
	plan.Drift = []planner.Drift{{Address: "pool.a/1", Kind: planner.ReasonQuarantinedPlace, Detail: evil}}
	if got := renderPlan(plan, viewOptions{Verbose: true}); strings.ContainsAny(got, "\x1b\r") {
		t.Errorf("control characters in %q", got)
	}
}

func TestLiteral(t *testing.T) {
	tests := map[string]any{
		`(none)`:                         nil,
		`"a\"b"`:                         `a"b`,
		`1000000`:                        1e6,
		`0.25`:                           0.25,
		`true`:                           true,
		`[]`:                             []any{},
		`{}`:                             map[string]any{},
		`["a", 1]`:                       []any{"a", 1.0},
		`{ "a b" = 1, c = { d = "e" } }`: map[string]any{"c": map[string]any{"d": "e"}, "a b": 1.0},
	}
	for want, value := range tests {
		if got := literal(value); got != want {
			t.Errorf("literal(%v) = %s, want %s", value, got, want)
		}
	}
}
