package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// twoChanges is a plan that creates one pool and rolls another.
func twoChanges() planner.Plan {
	return planner.Plan{
		Format: 1, BaseRevision: 2, WorkersObserved: true, Pools: 2, PoolWorkers: 6,
		Changes: []planner.Change{
			{Address: "pool.api", Action: planner.ActionRoll, Size: 4, OldSize: 4, Capacity: 4, Workers: planner.WorkerDelta{Replace: 4}},
			{Address: "pool.new", Action: planner.ActionCreate, Size: 2, Capacity: -1, Workers: planner.WorkerDelta{Start: 2}},
		},
		Summary: planner.Summary{Create: 1, Roll: 1},
		Workers: planner.WorkerDelta{Start: 2, Replace: 4},
	}
}

// course returns the events of an operation that ends with a result.
func course(result string, middle ...pool.Event) []pool.Event {
	outcome := pool.Outcome{Result: result, Revision: 3, MS: 34600, Done: []string{"pool.new"}, Failed: []string{}, NotAttempted: []string{}}
	if result == pool.ResultMixed {
		outcome.Failed = []string{"pool.api"}
	}
	events := append([]pool.Event{{V: 1, Seq: 1, Type: pool.EventOpAccepted, Op: "op-7"}}, middle...)
	return append(events, pool.Event{V: 1, Seq: 9, Type: pool.EventOpComplete, Op: "op-7", Data: map[string]any{"outcome": outcome}})
}

// destroyArgs is an apply that reads no configuration and needs no interpreter.
func destroyArgs(more ...string) []string { return append([]string{"destroy"}, more...) }

func TestApplyExitCodes(t *testing.T) {
	tests := []struct {
		result string
		code   int
		stdout string
		stderr string
	}{
		{pool.ResultConverged, 0, "Applied revision 3 in 34.6s: 1 created, 1 rolled. 0 calls failed meanwhile.\n", ""},
		{pool.ResultUnchanged, 0, "No changes were needed any more", ""},
		{pool.ResultFailed, 1, "", "Nothing was changed: 4 workers still run revision 2."},
		{pool.ResultMixed, 4, "", "pool.api              failed: out of patience"},
		{pool.ResultStale, 5, "", "Nothing was changed"},
		{pool.ResultConflict, 5, "", "Nothing was changed"},
		{pool.ResultInterrupted, 130, "", "Revision 3 was stopped after 34.6s."},
	}
	for _, test := range tests {
		t.Run(test.result, func(t *testing.T) {
			a := newTestApp(t).with(t, &fakeSupervisor{
				plan:   twoChanges(),
				status: pool.Status{Pools: []pool.PoolStatus{{Address: "pool.api", Ready: 4}}},
				events: course(test.result, pool.Event{
					Type: pool.EventStepFailed, Addr: "pool.api", Data: map[string]any{"reason": "out of patience"},
				}),
			})
			if code := a.run(t, destroyArgs("--auto-approve")...); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(a.stdout.String(), test.stdout) {
				t.Errorf("stdout %q, want %q", a.stdout, test.stdout)
			}
			if !strings.Contains(a.stderr.String(), test.stderr) {
				t.Errorf("stderr %q, want %q", a.stderr, test.stderr)
			}
		})
	}
}

func TestApplyAsksBeforeAnythingStarts(t *testing.T) {
	for _, args := range [][]string{{"apply"}, {"destroy"}, {"apply", "--json"}} {
		a := newTestApp(t)
		if code := a.run(t, args...); code != exitError {
			t.Errorf("%q: exit code %d, want %d", args, code, exitError)
		}
		if !strings.Contains(a.stderr.String(), "--auto-approve") {
			t.Errorf("%q: stderr %q names no way on", args, a.stderr)
		}
		if _, err := os.Stat(a.dir); err == nil {
			t.Errorf("%q made the instance directory", args)
		}
	}
}

func TestApplyTakesOnlyYes(t *testing.T) {
	for answer, want := range map[string]int{"yes\n": 0, "y\n": 1, "YES\n": 1, "\n": 1, "": 1} {
		f := &fakeSupervisor{plan: twoChanges(), events: course(pool.ResultConverged)}
		a := newTestApp(t).with(t, f)
		a.StdinTTY, a.Stdin = true, strings.NewReader(answer)
		if code := a.run(t, "destroy"); code != want {
			t.Errorf("answer %q: exit code %d, want %d", answer, code, want)
		}
		if sent := f.asked("POST /v1/apply"); sent != (want == 0) {
			t.Errorf("answer %q: apply sent is %v", answer, sent)
		}
	}
}

func TestApplyWithoutChangesAsksNothing(t *testing.T) {
	f := &fakeSupervisor{plan: planner.Plan{Format: 1, BaseRevision: 3, WorkersObserved: true, Pools: 1, PoolWorkers: 2}}
	a := newTestApp(t).with(t, f)
	a.StdinTTY = true
	if code := a.run(t, "destroy"); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, a.stderr)
	}
	if !strings.Contains(a.stdout.String(), "No changes. 1 pool, 2 workers match revision 3.") || f.asked("POST /v1/apply") {
		t.Errorf("stdout %q, apply sent %v", a.stdout, f.asked("POST /v1/apply"))
	}
}

func TestFirstInterruptAsksToStop(t *testing.T) {
	f := &fakeSupervisor{plan: twoChanges(), events: course(pool.ResultInterrupted), hold: make(chan struct{})}
	a := newTestApp(t).with(t, f)
	done := make(chan int, 1)
	go func() { done <- a.run(t, "destroy", "--auto-approve") }()
	waitFor(t, func() bool { return f.asked("POST /v1/apply") })
	a.interrupts <- syscall.SIGINT
	if code := <-done; code != exitInterrupted {
		t.Errorf("exit code %d, want %d\n%s", code, exitInterrupted, a.stderr)
	}
	if !f.asked("POST /v1/operations/op-7/stop") {
		t.Error("the operation was not asked to stop")
	}
}

func TestSecondInterruptDetaches(t *testing.T) {
	f := &fakeSupervisor{plan: twoChanges(), events: course(pool.ResultConverged), hold: make(chan struct{})}
	f.stopOnce.Do(func() {}) // a stop has no effect
	a := newTestApp(t).with(t, f)
	done := make(chan int, 1)
	go func() { done <- a.run(t, "destroy", "--auto-approve") }()
	waitFor(t, func() bool { return f.asked("POST /v1/apply") })
	a.interrupts <- syscall.SIGINT
	waitFor(t, func() bool { return f.asked("POST /v1/operations/op-7/stop") })
	a.interrupts <- syscall.SIGINT
	if code := <-done; code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	if !strings.Contains(a.stderr.String(), "the supervisor goes on with operation op-7") {
		t.Errorf("stderr %q", a.stderr)
	}
}

func TestDetachReturnsAtOnce(t *testing.T) {
	f := &fakeSupervisor{plan: twoChanges(), events: course(pool.ResultConverged), hold: make(chan struct{})}
	a := newTestApp(t).with(t, f)
	if code := a.run(t, "destroy", "--auto-approve", "--detach"); code != exitOK {
		t.Errorf("exit code %d\n%s", code, a.stderr)
	}
	if !strings.Contains(a.stderr.String(), "carries operation op-7 out") {
		t.Errorf("stderr %q", a.stderr)
	}
}

func TestApplyEvents(t *testing.T) {
	a := newTestApp(t).with(t, &fakeSupervisor{plan: twoChanges(), events: course(pool.ResultConverged)})
	if code := a.run(t, "destroy", "--auto-approve", "--json"); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, a.stderr)
	}
	var types []string
	for line := range strings.Lines(a.stdout.String()) {
		var ev pool.Event
		if err := json.Unmarshal([]byte(line), &ev); err != nil {
			t.Fatalf("not an event: %q: %v", line, err)
		}
		if ev.V != 1 {
			t.Errorf("event without a version: %q", line)
		}
		types = append(types, ev.Type)
	}
	want := []string{"version", "planned_change", "planned_change", "change_summary", "op_accepted", "op_complete"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("types of events (-want +got):\n%s", diff)
	}
}

func TestDestroyReadsNoConfiguration(t *testing.T) {
	a := newTestApp(t)
	if code := a.run(t, "plan", "--destroy", "pools.hcl"); code != exitError {
		t.Errorf("exit code %d, want %d", code, exitError)
	}
	if !strings.Contains(a.stderr.String(), "leave the argument out") {
		t.Errorf("stderr %q", a.stderr)
	}
}

func TestPlanExitCodes(t *testing.T) {
	for _, test := range []struct {
		plan planner.Plan
		args []string
		want int
	}{
		{twoChanges(), []string{"plan", "--destroy"}, 0},
		{twoChanges(), []string{"plan", "--destroy", "--detailed-exitcode"}, 2},
		{planner.Plan{Format: 1, WorkersObserved: true}, []string{"plan", "--destroy", "--detailed-exitcode"}, 0},
	} {
		a := newTestApp(t).with(t, &fakeSupervisor{plan: test.plan})
		if code := a.run(t, test.args...); code != test.want {
			t.Errorf("%q: exit code %d, want %d\n%s", test.args, code, test.want, a.stderr)
		}
	}
}

func TestPlanJSONIsThePlan(t *testing.T) {
	a := newTestApp(t).with(t, &fakeSupervisor{plan: twoChanges()})
	if code := a.run(t, "plan", "--destroy", "--json"); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, a.stderr)
	}
	if got, want := strings.TrimSpace(a.stdout.String()), string(planner.Encode(twoChanges())); got != strings.TrimSpace(want) {
		t.Errorf("stdout %s\nwant %s", got, want)
	}
}

func TestPlanWithoutSupervisorWritesNothing(t *testing.T) {
	a := newTestApp(t)
	if code := a.run(t, "plan", "--destroy"); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, a.stderr)
	}
	if !strings.Contains(a.stdout.String(), "supervisor not running: workers not observed, state of revision 0") {
		t.Errorf("stdout %q", a.stdout)
	}
	if _, err := os.Stat(filepath.Dir(a.dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(a.dir); err == nil {
		t.Error("plan made the instance directory")
	}
}

// waitFor waits until a condition holds, and fails the test if it never does.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("the condition did not come true")
		}
	}
}
