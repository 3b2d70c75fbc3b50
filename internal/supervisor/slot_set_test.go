package supervisor

import (
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// crew returns the slots of one worker, connected and admitted.
func crew(t testing.TB, b *switchboard, d *dispatcher, id string, n int) []*fakeWorker {
	t.Helper()
	entry := &workerEntry{rec: pool.Worker{Pool: "pool.api", Incarnation: id}}
	entry.slots = d.addSlots(entry, n)
	near, far := b.pair(t)
	entry.control = wire.NewOutbox(near, workerBuffer)
	t.Cleanup(func() { _ = entry.control.Close() })
	slots := make([]*fakeWorker, n)
	for i := range slots {
		slots[i] = &fakeWorker{t: t, board: b, entry: entry, number: i, control: wire.NewReader(far)}
		slots[i].connect(pastNothing)
		t.Cleanup(slots[i].hangUp)
	}
	entry.slots.admit()
	return slots
}

// A call goes to the worker with the fewest calls.
func TestCallsSpreadOverWorkers(t *testing.T) {
	d, b := newDispatcher("pool.api", usual), newSwitchboard(t)
	first, second := crew(t, b, d, "w0", 3), crew(t, b, d, "w1", 3)
	for range 4 {
		submit(t, d, time.Minute)
	}
	for _, w := range []*fakeWorker{first[0], second[0]} {
		if got := w.entry.slots.work().busy; got != 2 {
			t.Errorf("%s has %d of four calls, want 2", w.entry.rec.Incarnation, got)
		}
	}
}

// max_requests counts for all slots of a worker: the idle ones get no call either when
// it has been given its last one, but for one that came back.
func TestSlotsShareTheLastCall(t *testing.T) {
	d, b := newDispatcher("pool.api", limited(2)), newSwitchboard(t)
	w := crew(t, b, d, "w0", 3)
	first, second, third := submit(t, d, time.Minute), submit(t, d, time.Minute), submit(t, d, time.Minute)
	if got := d.load().available; got != 0 {
		t.Errorf("%d slots are available after the last call, want none", got)
	}
	w[2].send(result(w[2].wantCall(first).Stream, "1"))
	first.wantError(t, "")
	third.unanswered(t)
	wantNotes(t, d, lifecycle.Nearing{Worker: "w0"})
	w[1].send(result(w[1].wantCall(second).Stream, "1"))
	second.wantError(t, "")
	wantNotes(t, d, lifecycle.Spent{Worker: "w0"})
	third.unanswered(t)
}

// A call past its deadline and stop_grace costs its slot. The worker is given up when
// its other call has ended, which is answered.
func TestStuckSlot(t *testing.T) {
	policy := usual
	policy.stopGrace = 20 * time.Millisecond
	d, b := newDispatcher("pool.api", policy), newSwitchboard(t)
	w := crew(t, b, d, "w0", 2)
	stuck, fine := submit(t, d, 10*time.Millisecond), submit(t, d, time.Minute)
	w[1].wantCall(stuck)
	in := w[0].wantCall(fine)
	select {
	case <-d.noted:
	case <-time.After(patience):
		t.Fatal("nobody noticed that the handler does not end")
	}
	stuck.wantError(t, pool.CategoryDeadline)
	wantNotes(t, d, lifecycle.Impaired{Worker: "w0", Reason: "a call of one of its slots went on past its deadline and stop_grace", SlotLost: true})
	w[0].entry.slots.withdraw()
	wantNotes(t, d)
	w[0].send(result(in.Stream, "1"))
	fine.wantError(t, "")
	w[0].want(wire.TypeDrain)
	wantNotes(t, d, lifecycle.Stuck{Worker: "w0"})
}

// Every caller of a worker that dies is told, with an error of its own.
func TestDeathWithSeveralCalls(t *testing.T) {
	d, b := newDispatcher("pool.api", usual), newSwitchboard(t)
	w := crew(t, b, d, "w0", 3)
	calls := []*testCall{submit(t, d, time.Minute), submit(t, d, time.Minute), submit(t, d, time.Minute)}
	if got := w[0].entry.slots.executing(); len(got) != 3 || got[0].RanUS < got[2].RanUS {
		t.Errorf("executing = %+v, want three calls, the oldest first", got)
	}
	w[0].entry.slots.remove(pool.NewCallError(pool.CategoryWorkerDied, "it died"))
	for _, c := range calls {
		c.wantError(t, pool.CategoryWorkerDied)
	}
	if calls[0].failure == calls[1].failure {
		t.Error("two callers share one error")
	}
	wantLoad(t, d, load{counts: pool.CallCounts{Failed: 3}, lost: 3})
}
