package supervisor

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// listener is a pool whose events are listened to.
type listener struct {
	d   *dispatcher
	w   []*fakeWorker
	sub *event.Subscription
}

func listen(t *testing.T, workers int, policy dispatchPolicy, terms ...string) listener {
	t.Helper()
	f, err := event.ParseFilter(terms)
	if err != nil {
		t.Fatal(err)
	}
	d, w := newPool(t, workers, policy)
	d.events = event.NewHub()
	sub := d.events.Subscribe(f, time.Time{})
	t.Cleanup(sub.Close)
	return listener{d, w, sub}
}

// want fails unless these events, and no other, were told. Durations are checked
// for their sign alone.
func (l listener) want(t *testing.T, bodies ...event.Body) {
	t.Helper()
	var got []event.Body
	for _, r := range l.sub.Pending() {
		got = append(got, r.Data)
	}
	sign := cmp.FilterPath(func(p cmp.Path) bool {
		field, ok := p.Last().(cmp.StructField)
		return ok && len(field.Name()) > 2 && field.Name()[len(field.Name())-2:] == "US"
	}, cmp.Comparer(func(a, b int64) bool { return (a > 0) == (b > 0) }))
	if diff := cmp.Diff(bodies, got, sign, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// of returns what every event of c tells.
func (l listener) of(c *testCall, worker string, queue, total int64) event.OnRequest {
	about := event.OnRequest{Pool: "pool.api", Call: c.id.String(), Command: c.command, Worker: worker, QueueUS: queue, TotalUS: total}
	if worker != "" {
		about.Attempts = 1
	}
	return about
}

// finish answers a call after a while, so that its durations are not 0.
func (l listener) finish(t *testing.T, w *fakeWorker, c *testCall, answer func(stream uint64) []byte) {
	t.Helper()
	in := w.wantCall(c)
	<-time.After(time.Millisecond) // the call takes time
	w.send(answer(in.Stream))
}

func TestEventsOfExecutedCalls(t *testing.T) {
	l := listen(t, 1, usual, "request.")
	c := newCall(time.Minute)
	l.d.accept(&c.call, []byte("hello"), int64(time.Minute), false)
	frame, err := encodeCall(c.id, ExecRequest{Command: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	l.d.submit(&c.call, frame)
	l.finish(t, l.w[0], c, func(stream uint64) []byte { return result(stream, "1") })
	c.wantError(t, "")
	about := l.of(c, "pool.api/0@w0", 0, 1)
	about.Command = "hello"
	l.want(t, event.RequestExecuted{OnRequest: about, OK: true, ExecUS: 1})

	raised := submit(t, l.d, time.Minute)
	l.finish(t, l.w[0], raised, func(stream uint64) []byte { return errorFrame(stream, pool.CategoryRaised) })
	raised.wantError(t, pool.CategoryRaised)
	l.want(t, event.RequestExecuted{OnRequest: l.of(raised, "pool.api/0@w0", 0, 1), Category: "raised", Error: "no", ExecUS: 1})

	running, waiting := submit(t, l.d, time.Minute), submit(t, l.d, time.Minute)
	l.finish(t, l.w[0], running, func(stream uint64) []byte { return result(stream, "1") })
	l.finish(t, l.w[0], waiting, func(stream uint64) []byte { return result(stream, "1") })
	waiting.wantError(t, "")
	l.want(t,
		event.RequestExecuted{OnRequest: l.of(running, "pool.api/0@w0", 0, 1), OK: true, ExecUS: 1},
		event.RequestExecuted{OnRequest: l.of(waiting, "pool.api/0@w0", 1, 1), OK: true, ExecUS: 1})

	lost := submit(t, l.d, time.Minute)
	l.w[0].wantCall(lost)
	<-time.After(time.Millisecond)
	l.w[0].entry.slots.remove(pool.NewCallError(pool.CategoryWorkerDied, "gone"))
	lost.wantError(t, pool.CategoryWorkerDied)
	l.want(t, event.RequestExecuted{OnRequest: l.of(lost, "pool.api/0@w0", 0, 1), Category: "worker_died", Error: "gone", ExecUS: 1})
}

func TestEventsOfCallsInTrouble(t *testing.T) {
	policy := usual
	policy.queueMax, policy.queueTimeout = 1, 20*time.Millisecond
	l := listen(t, 1, policy, "request.")
	running, waiting := submit(t, l.d, 60*time.Millisecond), submit(t, l.d, time.Minute)
	rejected := submit(t, l.d, time.Minute)
	rejected.wantError(t, pool.CategorySaturated)
	waiting.wantError(t, pool.CategoryQueueTimeout)
	running.wantError(t, pool.CategoryDeadline)
	reason := "pool.api is saturated: all its workers are busy and 1 calls wait already (queue.max)"
	got := l.of(rejected, "", 0, 0)
	records := l.sub.Pending()
	if len(records) != 3 {
		t.Fatalf("%d events, want 3: %+v", len(records), records)
	}
	first := records[0].Data.(event.RequestRejected)
	got.QueueUS, got.TotalUS = first.QueueUS, first.TotalUS // a rejection may take less than a microsecond
	want := []event.Body{
		event.RequestRejected{OnRequest: got, Category: "saturated", Reason: reason},
		event.RequestTimedOut{OnRequest: l.of(waiting, "", 1, 1), Category: "queue_timeout"},
		event.RequestTimedOut{OnRequest: l.of(running, "pool.api/0@w0", 0, 1), Category: "deadline_exceeded", Started: true},
	}
	for _, r := range records {
		l.d.events.Publish(r.Data)
	}
	l.want(t, want...)
}

func TestEventsOfCancelledCalls(t *testing.T) {
	l := listen(t, 1, usual, "request.")
	running, waiting := submit(t, l.d, time.Minute), submit(t, l.d, time.Minute)
	in := l.w[0].wantCall(running)
	<-time.After(time.Millisecond)
	l.d.cancel(&waiting.call)
	l.d.cancel(&running.call)
	l.d.cancel(&running.call)
	l.w[0].send(result(in.Stream, "1")) // nobody waits for it
	l.w[0].wantCall(submit(t, l.d, time.Minute))
	l.want(t,
		event.RequestCancelled{OnRequest: l.of(waiting, "", 1, 1)},
		event.RequestCancelled{OnRequest: l.of(running, "pool.api/0@w0", 0, 1), Started: true})
}

func TestEventsOfPressure(t *testing.T) {
	policy := usual
	policy.queueMax = 2
	l := listen(t, 2, policy, "pool.")
	var calls []*testCall
	for range 6 {
		calls = append(calls, submit(t, l.d, time.Minute))
	}
	calls[5].wantError(t, pool.CategorySaturated)
	api := event.OnPool{Pool: "pool.api"}
	l.want(t,
		event.PoolCapacityReached{OnPool: api, Capacity: 2, Queued: 1},
		event.PoolSaturated{OnPool: api, Capacity: 2, Queued: 2, Rejected: 1})
	l.d.toldSaturated.Add(-pressureEvery) // a second later
	submit(t, l.d, time.Minute).wantError(t, pool.CategorySaturated)
	l.want(t, event.PoolSaturated{OnPool: api, Capacity: 2, Queued: 2, Rejected: 3})
}

// TestEventsOfRefusedCalls: a pool that is closed refuses those that come and,
// asked to, those that wait.
func TestEventsOfRefusedCalls(t *testing.T) {
	l := listen(t, 0, usual, "request.rejected")
	waiting := submit(t, l.d, time.Minute)
	why := pool.NewCallError(pool.CategoryUnavailable, "the supervisor is stopping")
	l.d.close(why)
	submit(t, l.d, time.Minute).wantError(t, pool.CategoryUnavailable)
	l.d.failQueued(why)
	waiting.wantError(t, pool.CategoryUnavailable)
	got := l.sub.Pending()
	for _, r := range got {
		if e := r.Data.(event.RequestRejected); e.Category != "unavailable" || e.Reason != why.Message || e.Worker != "" {
			t.Errorf("event %+v, want it unavailable and by no worker", e)
		}
	}
	if len(got) != 2 {
		t.Errorf("%d events, want 2", len(got))
	}
}

// BenchmarkEventsOfACall is what a call pays for its events: nothing but an atomic
// read while nobody listens.
func BenchmarkEventsOfACall(b *testing.B) {
	for name, listens := range map[string]bool{"nobody listens": false, "somebody listens": true} {
		b.Run(name, func(b *testing.B) {
			d := newDispatcher("pool.api", usual)
			d.events = event.NewHub()
			if listens {
				sub := d.events.Subscribe(event.Filter{}, time.Time{})
				defer sub.Close()
			}
			w := &workerEntry{rec: pool.Worker{Pool: "pool.api", Incarnation: "w0"}}
			c := &call{dispatcher: d, id: wire.NewCallID(), queuedAt: wire.Monotonic(), sentAt: wire.Monotonic()}
			b.ReportAllocs()
			for b.Loop() {
				d.tellEnd(c, w, outcomeOK, nil)
			}
		})
	}
}

// TestEventsCostNothingUnheard keeps the promise of the benchmark.
func TestEventsCostNothingUnheard(t *testing.T) {
	d := newDispatcher("pool.api", usual)
	d.events = event.NewHub()
	w := &workerEntry{rec: pool.Worker{Pool: "pool.api", Incarnation: "w0"}}
	c := &call{dispatcher: d, id: wire.NewCallID()}
	if n := testing.AllocsPerRun(100, func() { d.tellEnd(c, w, outcomeOK, nil) }); n != 0 {
		t.Errorf("%v allocations for an event that nobody hears, want none", n)
	}
}
