package main

import (
	"strings"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/test/golden"
)

func TestRenderStatus(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	started := now.Add(-3*time.Hour - 20*time.Minute - 5*time.Second)
	status := &pool.Status{
		Supervisor: pool.SupervisorStatus{PID: 4242, Version: "0.1.0", StartedAt: now.Add(-49 * time.Hour), Instance: "/srv/workers", Notice: "the state was restored from a backup"},
		Revision:   3,
		Pools: []pool.PoolStatus{
			{
				Address: "pool.api", Python: "3.13.15t", GIL: "off", Profile: "process", Default: true, Size: 2, Ready: 1, Busy: 1, Queued: 7,
				Calls: pool.CallCounts{OK: 120, Failed: 2, Timeout: 1, Rejected: 3, QueueTimeout: 4}, Restarts: 5,
				Workers: []pool.WorkerStatus{
					{Address: "pool.api/0", Incarnation: "7f2c", PID: 4250, State: pool.WorkerBusy, Slots: 1, Calls: 31, RSSBytes: 15 << 20, LaunchHash: "0123456789abcdef", StartedAt: &started},
					{Address: "pool.api/1", State: pool.WorkerQuarantined, Message: "exited 1, 3 times within 1m\nTraceback", LastDeath: &pool.Death{
						Worker: "pool.api/1@0a1b", At: now.Add(-90 * time.Second), Class: pool.DeathSegfault, Text: "was killed by SIGSEGV (segmentation fault)",
						LifetimeUS: 3_210_000, PeakRSSBytes: 20 << 20, Call: &pool.DeathCall{Command: "boom"},
					}},
				},
			},
			{Address: `pool.etl["eu"]`, Profile: "process", Message: "size is 0"},
		},
	}
	golden.File(t, "testdata/status.txt", renderStatus(status, true, now))
	golden.File(t, "testdata/status_empty.txt", renderStatus(&pool.Status{Supervisor: pool.SupervisorStatus{PID: 1, Version: "0.1.0", StartedAt: now}}, false, now))
}

func TestProgressOnPaper(t *testing.T) {
	out := &lockedBuffer{}
	p := &progress{out: out, text: map[string]string{}, action: map[string]planner.Action{}, width: 22}
	for _, ev := range rollEvents() {
		p.show(ev)
	}
	p.close()
	golden.File(t, "testdata/progress.txt", out.String())
}

func TestProgressOnATerminal(t *testing.T) {
	a := newTestApp(t)
	a.StderrTTY = true
	p := a.newProgress("pool.api", "pool.etl")
	for _, ev := range rollEvents() {
		p.show(ev)
	}
	p.note("a note stands above the lines")
	p.close()
	p.close()
	got := a.stderr.String()
	if strings.Count(got, "\r\x1b[") == 0 || strings.Count(got, "\r\x1b[") != strings.Count(got, "A\x1b[J") {
		t.Errorf("a redraw does not begin at the start of a line, where an echoed Ctrl-C would stay: %q", got)
	}
	const last = "pool.api              rolled in 4.00s\npool.etl              failed: it never became healthy\n"
	if len(got) < len(last) || got[len(got)-len(last):] != last {
		t.Errorf("a terminal ends with %q, want %q", got, last)
	}
}

func TestProgressIsAligned(t *testing.T) {
	a := newTestApp(t)
	p := a.newProgress("pool.api", `pool.units["imperial"]`)
	p.show(pool.Event{Type: pool.EventStepOK, Addr: "pool.api", Msg: "roll", Data: map[string]any{"ms": 4000.0}})
	p.show(pool.Event{Type: pool.EventStepOK, Addr: `pool.units["imperial"]`, Msg: "roll", Data: map[string]any{"ms": 4000.0}})
	p.close()
	const want = "pool.api                rolled in 4.00s\npool.units[\"imperial\"]  rolled in 4.00s\n"
	if got := a.stderr.String(); got != want {
		t.Errorf("progress is\n%swant\n%s", got, want)
	}
}

func TestStoppedStepIsNoFailure(t *testing.T) {
	ev := pool.Event{Type: pool.EventStepFailed, Addr: "pool.api", Data: map[string]any{"reason": pool.ReasonStopped}}
	if got, _ := describeEvent(ev, planner.ActionRoll, true); got != "" {
		t.Errorf("describeEvent() = %q, want the line to stay as it is", got)
	}
}

// rollEvents are those of a roll beside one that fails.
func rollEvents() []pool.Event {
	return []pool.Event{
		{Type: pool.EventOpAccepted, Op: "op-7"},
		{Type: pool.EventPreflightStart, Addr: "pool.api"},
		{Type: pool.EventPreflightOK, Addr: "pool.api", Data: map[string]any{"ms": 440.0}},
		{Type: pool.EventStepStart, Addr: "pool.api", Msg: "roll"},
		{Type: pool.EventWorkerReady, Addr: "pool.api/4"},
		{Type: pool.EventStepProgress, Addr: "pool.api", Data: map[string]any{"done": 5.0, "total": 8.0, "failed": 0.0}},
		{Type: pool.EventDiagnostic, Msg: "Warning: the machine is busy"},
		{Type: pool.EventStepProgress, Addr: "pool.etl", Data: map[string]any{"done": 1.0, "total": 3.0, "failed": 1.0}},
		{Type: pool.EventStepOK, Addr: "pool.api", Msg: "roll", Data: map[string]any{"ms": 4000.0}},
		{Type: pool.EventStepFailed, Addr: "pool.etl", Data: map[string]any{"reason": "it never became healthy"}},
		{Type: pool.EventOpComplete},
	}
}

func TestStepProgress(t *testing.T) {
	tests := []struct {
		name        string
		action      planner.Action
		msg         string
		done, total float64
		live        bool
		want        string
	}{
		{"start_on_terminal", planner.ActionCreate, "", 0, 8, true, "[--------] 0/8 ready"},
		{"start_on_paper", planner.ActionCreate, "", 0, 8, false, ""},
		{"resize", planner.ActionResize, "", 5, 8, false, "5/8 ready"},
		{"roll", planner.ActionRoll, "", 5, 8, true, "[#####---] 5/8 new"},
		{"recreate", planner.ActionRecreate, "", 5, 8, false, "5/8 new"},
		{"recycle", actionRecycle, "", 5, 8, false, "5/8 done"},
		{"word_of_the_supervisor", planner.ActionRoll, "healthy", 5, 8, false, "5/8 healthy"},
		{"destroy", planner.ActionDestroy, "", 8, 8, true, ""},
		{"unknown_action", "", "", 5, 8, false, "5/8 ready"},
		{"nothing_to_do", planner.ActionUpdate, "", 0, 0, true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ev := pool.Event{Type: pool.EventStepProgress, Msg: test.msg, Data: map[string]any{"done": test.done, "total": test.total}}
			if got, _ := describeEvent(ev, test.action, test.live); got != test.want {
				t.Errorf("describeEvent() = %q, want %q", got, test.want)
			}
		})
	}
}

func TestRenderPreflightFailure(t *testing.T) {
	const snippet = "  on pools.hcl line 12, in pool \"api\":\n  12:   adapter = \"myapp.adapters:ApiAdapterV2\""
	trace := pool.CallError{
		Category: pool.CategoryRaised, Type: "ModuleNotFoundError", Message: "No module named 'orjson'", Exit: "exited with status 1",
		Traceback: "  File \"src/myapp/adapters.py\", line 4, in <module>\nModuleNotFoundError: No module named 'orjson'\n",
	}
	tests := []struct {
		name    string
		data    map[string]any
		snippet string
		created bool
	}{
		{"traceback", map[string]any{"ms": 380.0, "error": trace}, snippet, false},
		{"killed", map[string]any{"ms": 380.0, "error": pool.CallError{
			Message: "the worker died while it started", Exit: "was killed by SIGKILL", Stderr: "last words", Hint: "Give it more memory.",
		}}, snippet, true},
		{"nothing_known", map[string]any{}, "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ev := pool.Event{Addr: "pool.api", Data: test.data}
			golden.File(t, "testdata/preflight_"+test.name+".txt", renderPreflightFailure(ev, test.snippet, test.created))
		})
	}
}

func TestRenderFailedOutcome(t *testing.T) {
	failures := []pool.Event{{Addr: "pool.etl", Data: map[string]any{"reason": "it never became healthy"}}}
	mixed := &pool.Outcome{
		Result: pool.ResultMixed, Revision: 4, MS: 61234,
		Done: []string{"pool.api"}, Failed: []string{"pool.etl"}, NotAttempted: []string{"pool.old"},
	}
	golden.File(t, "testdata/outcome_mixed.txt", renderFailedOutcome(mixed, failures, 3, 8))
	conflict := &pool.Outcome{Result: pool.ResultConflict, Message: "pool.api is being changed by ops@build-1 since 15:04:05."}
	golden.File(t, "testdata/outcome_conflict.txt", renderFailedOutcome(conflict, nil, 3, 1))
}

func TestSourcePaths(t *testing.T) {
	text := "File \"/srv/i/code/0a1b/pkg/a.py\", line 1\nFile \"/usr/lib/python3/json.py\"\nFile \"/srv/i/code/0a1b/b.py\""
	want := "File \"pkg/a.py\", line 1\nFile \"/usr/lib/python3/json.py\"\nFile \"b.py\""
	if got := sourcePaths(text, "/srv/i"); got != want {
		t.Errorf("sourcePaths = %q, want %q", got, want)
	}
}

func TestAge(t *testing.T) {
	now := time.Now()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 900 * time.Millisecond: "0s", 59 * time.Second: "59s", 200 * time.Second: "3m20s",
		time.Hour: "1h", 90*time.Minute + 5*time.Second: "1h30m", 52 * time.Hour: "2d4h", 48*time.Hour + time.Minute: "2d",
	} {
		if got := age(now.Add(-d), now); got != want {
			t.Errorf("age of %s = %q, want %q", d, got, want)
		}
	}
}

func TestPercentile(t *testing.T) {
	var sorted []time.Duration
	for i := range 100 {
		sorted = append(sorted, time.Duration(i+1)*time.Millisecond)
	}
	for p, want := range map[int]float64{50: 50, 99: 99, 100: 100} {
		if got := percentile(sorted, p); got != want {
			t.Errorf("percentile(1..100, %d) = %v, want %v", p, got, want)
		}
	}
	if got := percentile(sorted[:1], 50); got != 1 {
		t.Errorf("percentile of one = %v, want 1", got)
	}
	if got := percentile(nil, 50); got != 0 {
		t.Errorf("percentile of none = %v, want 0", got)
	}
}
