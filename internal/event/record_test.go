package event_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/event"
)

func TestRecordsSurviveTheirLine(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	worker := event.OnWorker{Pool: "pool.api", Worker: "pool.api/0@1f", PID: 7}
	request := event.OnRequest{Pool: "pool.api", Call: "ab", Command: "hello", Worker: "pool.api/0@1f", Attempts: 2, QueueUS: 3, TotalUS: 9}
	operation := event.OnOperation{Operation: "op-1", By: "ada@host"}
	api := event.OnPool{Pool: "pool.api"}
	bodies := []event.Body{
		event.WorkerStarted{OnWorker: worker, LaunchHash: "h", Revision: 2, Trial: true, SpawnUS: 4},
		event.WorkerInitialized{OnWorker: worker, Python: "3.13.1", Commands: 5, InitUS: 6},
		event.WorkerReady{OnWorker: worker, LaunchHash: "h", ReadyUS: 8},
		event.WorkerRecycled{OnWorker: worker, Replacement: "pool.api/0@2a", Reason: "by_hand", Calls: 9, AgeUS: 1},
		event.WorkerCrashed{
			OnWorker: worker, Incarnation: "1f", Reason: "r", Class: "oom", Exit: "e", ExitCode: 137, Signal: "SIGKILL", CoreDumped: true, Killed: true,
			DuringCall: true, Call: "ab", Command: "c", RanUS: 3, Calls: 1, AgeUS: 2, UserUS: 4, SystemUS: 5, PeakRSSBytes: 6, MemoryLimitBytes: 7,
			Stack: "k", Stderr: "s", Hint: "h",
		},
		event.WorkerQuarantined{OnWorker: worker, Reason: "r"},
		event.WorkerGilEnabled{OnWorker: worker, Modules: "m"},
		event.WorkerUnsafeWrite{OnWorker: worker, Attribute: "a.B.c", Place: "a.py:1 in f", Other: "a.py:2 in g"},
		event.WorkerHealthCheckFailed{OnWorker: worker, Reason: "r", Calls: 1, AgeUS: 2},
		event.WorkerAdopted{OnWorker: worker, LaunchHash: "h", AgeUS: 1, AfterUS: 2},
		event.WorkerStopped{OnWorker: worker, Reason: "r", Calls: 1, AgeUS: 2},
		event.WorkerPaused{OnWorker: worker, By: "ada@host"},
		event.WorkerResumed{OnWorker: worker, By: "ada@host", PausedUS: 5},
		event.PoolPaused{OnPool: api, By: "ada@host"},
		event.PoolResumed{OnPool: api, By: "ada@host", PausedUS: 5},
		event.PoolReady{OnPool: api, Size: 2, WaitUS: 3},
		event.PoolForkRefused{OnPool: api, LaunchHash: "ab", Reason: "r"},
		event.PoolDegraded{OnPool: api, Size: 2, Ready: 1, Quarantined: 1, Reason: "r"},
		event.PoolPoisoned{OnPool: api, Command: "c", Deaths: 3, Worker: "pool.api/0@1f", Class: "exit", Death: "exited 3"},
		event.PoolCapacityReached{OnPool: api, Capacity: 2, Queued: 1},
		event.PoolSaturated{OnPool: api, Capacity: 2, Queued: 1, Rejected: 3},
		event.PoolBreakerOpened{OnPool: api, Failures: 3, Category: "worker_died", ResetUS: 5},
		event.PoolBreakerHalfOpened{OnPool: api, Trials: 2, OpenUS: 5},
		event.PoolBreakerClosed{OnPool: api, OpenUS: 5},
		event.RequestExecuted{OnRequest: request, OK: true, Category: "c", Error: "e", ExecUS: 6},
		event.RequestTimedOut{OnRequest: request, Category: "c", Started: true},
		event.RequestRejected{OnRequest: request, Category: "c", Reason: "r"},
		event.RequestCancelled{OnRequest: request, Started: true},
		event.RequestProgress{Pool: "pool.api", Call: "ab", Command: "hello", Worker: "pool.api/0@1f", Done: 3, Total: 10, Note: "n"},
		event.OperationStarted{OnOperation: operation},
		event.OperationStep{OnOperation: operation, Pool: "pool.api", Step: "step_ok", Reason: "r", TookUS: 1},
		event.OperationCompleted{
			OnOperation: operation, Result: "mixed", Reason: "r", Revision: 1, Done: 2, Failed: 3, NotAttempted: 4, CallsFailed: 5, TookUS: 6,
		},
	}
	left := event.Kinds()
	for i, body := range bodies {
		want := event.Record{Seq: uint64(i), TS: at, Dropped: uint64(i), Data: body}
		line, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got event.Record
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
		left = slices.DeleteFunc(left, func(kind string) bool { return kind == body.Type() })
	}
	if len(left) > 0 {
		t.Errorf("no line of %v was tried", left)
	}
}

func TestUnknownKindsPassThrough(t *testing.T) {
	const text = `{"v":1,"seq":3,"ts":"2026-01-02T03:04:05Z","type":"worker.sang","data":{"pool":"pool.api","song":"x"}}`
	var r event.Record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	if r.Data.Type() != "worker.sang" || r.Data.Address() != "pool.api" {
		t.Errorf("the event is a %s about %q", r.Data.Type(), r.Data.Address())
	}
	back, err := json.Marshal(r)
	if err != nil || string(back) != text {
		t.Errorf("Marshal = %s, %v, want the line as it came", back, err)
	}
}

func TestMalformedLinesAreErrors(t *testing.T) {
	for _, text := range []string{`[]`, `{"seq":"x"}`, `{"type":"pool.ready","data":{"size":"many"}}`} {
		var r event.Record
		if err := json.Unmarshal([]byte(text), &r); err == nil || !strings.Contains(err.Error(), "cannot read an event") {
			t.Errorf("Unmarshal(%s) = %v, want an error", text, err)
		}
	}
}

func TestFilters(t *testing.T) {
	api := event.PoolReady{OnPool: event.OnPool{Pool: "pool.api"}}
	etl := event.WorkerReady{OnWorker: event.OnWorker{Pool: `pool.etl["eu"]`}}
	tests := []struct {
		terms    []string
		api, etl bool
	}{
		{nil, true, true},
		{[]string{"pool."}, true, false},
		{[]string{"pool.ready", "worker"}, true, true},
		{[]string{"request."}, false, false},
		{[]string{"pool=api"}, true, false},
		{[]string{`pool=etl["eu"]`, "pool=api"}, true, true},
		{[]string{"worker.", "pool=pool.api"}, false, false},
	}
	for _, tt := range tests {
		f := filter(t, tt.terms...)
		if f.Match(api) != tt.api || f.Match(etl) != tt.etl {
			t.Errorf("Match with %q = %v, %v, want %v, %v", tt.terms, f.Match(api), f.Match(etl), tt.api, tt.etl)
		}
	}
	for _, term := range []string{"", "lunch", "worker.readyy", "pool=", "pool=a b"} {
		if _, err := event.ParseFilter([]string{term}); err == nil {
			t.Errorf("ParseFilter(%q) gave no error", term)
		}
	}
}
