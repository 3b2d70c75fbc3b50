package supervisor

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

func wantLoad(t *testing.T, d *dispatcher, want load) {
	t.Helper()
	if diff := cmp.Diff(want, d.load(), cmp.AllowUnexported(load{}), cmpopts.IgnoreFields(load{}, "slots")); diff != "" {
		t.Errorf("load (-want +got):\n%s", diff)
	}
}

func TestMostRecentlyUsedSlotFirst(t *testing.T) {
	d, w := newPool(t, 3, usual)
	first := submit(t, d, time.Minute)
	second := submit(t, d, time.Minute)
	a, b := w[2].wantCall(first), w[1].wantCall(second)
	w[1].send(result(b.Stream, "1"))
	second.wantError(t, "")
	w[2].send(result(a.Stream, "2"))
	first.wantError(t, "")
	third := submit(t, d, time.Minute)
	c := w[2].wantCall(third)
	wantLoad(t, d, load{counts: pool.CallCounts{OK: 2}, busy: 1, available: 2})
	w[2].send(result(c.Stream, "3"))
	third.wantError(t, "")
	w[0].silent()
}

func TestQueueIsFirstInFirstOut(t *testing.T) {
	d, w := newPool(t, 1, usual)
	var calls []*testCall
	for range 5 {
		calls = append(calls, submit(t, d, time.Minute))
	}
	wantLoad(t, d, load{busy: 1, waiting: 4})
	for _, c := range calls {
		in := w[0].wantCall(c)
		w[0].silent() // one at a time
		w[0].send(result(in.Stream, "1"))
		c.wantError(t, "")
	}
	wantLoad(t, d, load{counts: pool.CallCounts{OK: 5}, available: 1})
}

func TestSaturation(t *testing.T) {
	policy := usual
	policy.queueMax = 1
	d, _ := newPool(t, 1, policy)
	running, waiting := submit(t, d, time.Minute), submit(t, d, time.Minute)
	err := submit(t, d, time.Minute).wantError(t, pool.CategorySaturated)
	if !err.Retryable || err.Started {
		t.Errorf("error = %+v, want it retryable and not started", err)
	}
	running.unanswered(t)
	waiting.unanswered(t)
	wantLoad(t, d, load{counts: pool.CallCounts{Rejected: 1}, busy: 1, waiting: 1})
}

func TestQueueTimeout(t *testing.T) {
	policy := usual
	policy.queueTimeout = 20 * time.Millisecond
	d, w := newPool(t, 1, policy)
	running := submit(t, d, time.Minute)
	submit(t, d, time.Minute).wantError(t, pool.CategoryQueueTimeout)
	submit(t, d, time.Millisecond).wantError(t, pool.CategoryDeadline)
	running.unanswered(t)
	wantLoad(t, d, load{counts: pool.CallCounts{QueueTimeout: 1, Timeout: 1}, busy: 1})
	in := w[0].wantCall(running)
	w[0].send(result(in.Stream, "1"))
	running.wantError(t, "")
	w[0].silent()
}

// TestDeadlineKeepsTheSlot: the caller is answered, but the handler goes on, and
// the slot takes no other call until it has ended.
func TestDeadlineKeepsTheSlot(t *testing.T) {
	d, w := newPool(t, 1, usual)
	c := submit(t, d, 10*time.Millisecond)
	in := w[0].wantCall(c)
	err := c.wantError(t, pool.CategoryDeadline)
	if !err.Started || err.Worker != "pool.api/0@w0" {
		t.Errorf("error = %+v, want it started on w0", err)
	}
	if got := w[0].wantControl(wire.TypeCancel); got.id != c.id {
		t.Errorf("CANCEL names %s, want %s", got.id, c.id)
	}
	following := submit(t, d, time.Minute)
	w[0].silent()
	wantLoad(t, d, load{counts: pool.CallCounts{Timeout: 1}, busy: 1, waiting: 1})
	w[0].send(errorFrame(in.Stream, pool.CategoryCancelled))
	in = w[0].wantCall(following)
	w[0].send(result(in.Stream, "1"))
	following.wantError(t, "")
	wantLoad(t, d, load{counts: pool.CallCounts{OK: 1, Timeout: 1}, available: 1})
	if c.answers.Load() != 1 {
		t.Error("the late answer reached the caller")
	}
}

// TestStuckWorker: a handler has stop_grace after its deadline, or after its
// caller gave up.
func TestStuckWorker(t *testing.T) {
	for name, giveUp := range map[string]bool{"deadline": false, "cancelled": true} {
		t.Run(name, func(t *testing.T) {
			policy := usual
			policy.stopGrace = 20 * time.Millisecond
			d := newDispatcher("pool.api", policy)
			w := admitted(t, newSwitchboard(t), d, "w0")
			defer w.hangUp()
			timeout := 10 * time.Millisecond
			if giveUp {
				timeout = time.Hour
			}
			c := submit(t, d, timeout)
			w.wantCall(c)
			if giveUp && !d.cancel(&c.call) {
				t.Error("cancel = false, want true")
			}
			select {
			case <-d.noted:
				wantNotes(t, d, lifecycle.Stuck{Worker: "w0"})
			case <-time.After(patience):
				t.Fatal("nobody noticed that the handler does not end")
			}
			w.entry.slots.remove(pool.NewCallError(pool.CategoryWorkerDied, "killed"))
			wantLoad(t, d, load{counts: map[bool]pool.CallCounts{false: {Timeout: 1}, true: {Cancelled: 1}}[giveUp]})
		})
	}
}

// TestShortDeadlineAfterALongOne: the slot's timer is left armed between calls.
func TestShortDeadlineAfterALongOne(t *testing.T) {
	d, w := newPool(t, 1, usual)
	for range 3 {
		c := submit(t, d, time.Hour)
		in := w[0].wantCall(c)
		w[0].send(result(in.Stream, "1"))
		c.wantError(t, "")
		short := submit(t, d, 5*time.Millisecond)
		in = w[0].wantCall(short)
		short.wantError(t, pool.CategoryDeadline)
		w[0].send(result(in.Stream, "1"))
	}
}

func TestCancel(t *testing.T) {
	d, w := newPool(t, 1, usual)
	running, waiting := submit(t, d, time.Minute), submit(t, d, time.Minute)
	in := w[0].wantCall(running)
	for _, c := range []*testCall{waiting, running} {
		if !d.cancel(&c.call) {
			t.Error("cancel = false, want true for an unanswered call")
		}
		if d.cancel(&c.call) {
			t.Error("cancel = true for a call that was cancelled")
		}
	}
	if got := w[0].wantControl(wire.TypeCancel); got.id != running.id {
		t.Error("CANCEL names another call than the running one")
	}
	wantLoad(t, d, load{counts: pool.CallCounts{Cancelled: 2}, busy: 1})
	w[0].send(result(in.Stream, "1"))
	following := submit(t, d, time.Minute)
	w[0].wantCall(following) // not the waiting one
	running.unanswered(t)
	waiting.unanswered(t)
}

func TestDrain(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		d, w := newPool(t, 1, usual)
		w[0].entry.slots.withdraw()
		w[0].want(wire.TypeDrain)
		waiting := submit(t, d, time.Minute)
		w[0].silent()
		waiting.unanswered(t)
		wantLoad(t, d, load{waiting: 1})
	})
	t.Run("busy", func(t *testing.T) {
		d, w := newPool(t, 1, usual)
		running, waiting := submit(t, d, time.Minute), submit(t, d, time.Minute)
		in := w[0].wantCall(running)
		w[0].entry.slots.withdraw()
		w[0].silent() // never beside a call
		w[0].send(result(in.Stream, "1"))
		w[0].want(wire.TypeDrain)
		running.wantError(t, "")
		waiting.unanswered(t)
		wantLoad(t, d, load{counts: pool.CallCounts{OK: 1}, waiting: 1})
	})
	t.Run("without connection", func(t *testing.T) {
		_, w := newPool(t, 1, usual)
		w[0].hangUp()
		w[0].entry.slots.withdraw()
		w[0].connect(pastNothing)
		w[0].want(wire.TypeDrain)
	})
	t.Run("call lost with the connection", func(t *testing.T) {
		d, w := newPool(t, 1, usual)
		running := submit(t, d, time.Minute)
		w[0].wantCall(running)
		w[0].entry.slots.withdraw()
		w[0].hangUp()
		w[0].connect(pastNothing)
		w[0].want(wire.TypeDrain)
		running.wantError(t, pool.CategoryUnavailable)
	})
}

func TestReconnect(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		d, w := newPool(t, 1, usual)
		w[0].hangUp()
		if w[0].entry.slots.executing() != nil {
			t.Error("a slot that waits for its connection executes a call")
		}
		c := submit(t, d, time.Minute)
		wantLoad(t, d, load{busy: 1, waiting: 1})
		w[0].connect(pastNothing)
		in := w[0].wantCall(c)
		w[0].send(result(in.Stream, "1"))
		c.wantError(t, "")
		wantLoad(t, d, load{counts: pool.CallCounts{OK: 1}, available: 1})
	})
	t.Run("with the call's answer", func(t *testing.T) {
		d, w := newPool(t, 1, usual)
		c := submit(t, d, time.Minute)
		in := w[0].wantCall(c)
		w[0].hangUp()
		c.unanswered(t)
		w[0].connect(pastKept(in.id))
		w[0].send(result(in.Stream, "7"))
		c.wantError(t, "")
		if string(c.body) != "7" {
			t.Errorf("body = %q, want 7", c.body)
		}
		wantLoad(t, d, load{counts: pool.CallCounts{OK: 1}, available: 1})
	})
	t.Run("without the call", func(t *testing.T) {
		d, w := newPool(t, 1, usual)
		c := submit(t, d, time.Minute)
		w[0].wantCall(c)
		w[0].hangUp()
		w[0].connect(pastNothing)
		if err := c.wantError(t, pool.CategoryUnavailable); !err.Retryable {
			t.Errorf("error = %+v, want it retryable", err)
		}
		wantLoad(t, d, load{counts: pool.CallCounts{Failed: 1}, lost: 1, available: 1})
	})
	t.Run("before the end of the former one was seen", func(t *testing.T) {
		d, w := newPool(t, 1, usual)
		former, formerConn := w[0].served, w[0].conn
		w[0].connect(pastNothing)
		_ = formerConn.Close()
		<-former
		wantLoad(t, d, load{available: 1})
		c := submit(t, d, time.Minute)
		w[0].wantCall(c)
	})
	t.Run("adopted with a former supervisor's call", func(t *testing.T) {
		d := newDispatcher("pool.api", usual)
		w := newWorker(t, newSwitchboard(t), d, "w0")
		w.hangUp()
		w.entry.slots.adopt()
		w.entry.slots.admit()
		w.connect(pastKept(wire.NewCallID()))
		c := submit(t, d, time.Minute)
		in := w.wantCall(c)
		w.send(result(in.Stream, "theirs"))
		w.send(result(in.Stream, "ours"))
		c.wantError(t, "")
		if string(c.body) != "ours" {
			t.Errorf("body = %q, want the answer that came after the kept one", c.body)
		}
		w.hangUp()
	})
}

func TestWorkerDeath(t *testing.T) {
	d, w := newPool(t, 2, usual)
	doomed := submit(t, d, time.Minute)
	w[1].wantCall(doomed)
	if got := w[1].entry.slots.executing(); len(got) != 1 || got[0].ID != doomed.id.String() {
		t.Errorf("executing = %+v during call %s", got, doomed.id)
	}
	w[1].hangUp()
	w[1].entry.slots.remove(pool.NewCallError(pool.CategoryWorkerDied, "it died"))
	doomed.wantError(t, pool.CategoryWorkerDied)
	following := submit(t, d, time.Minute)
	w[0].wantCall(following)
	wantLoad(t, d, load{counts: pool.CallCounts{Failed: 1}, lost: 1, busy: 1})
}

// TestCallThatCannotBeWritten goes to another slot, or waits for one.
func TestCallThatCannotBeWritten(t *testing.T) {
	t.Run("another slot", func(t *testing.T) {
		d, w := newPool(t, 2, usual)
		_ = w[1].out.Close() // not noticed by anybody yet
		c := submit(t, d, time.Minute)
		w[0].wantCall(c)
		<-w[1].served
		wantLoad(t, d, load{busy: 2}) // w1 waits for its connection
		w[1].connect(pastNothing)
		wantLoad(t, d, load{busy: 1, available: 1})
	})
	t.Run("the same slot later", func(t *testing.T) {
		d, w := newPool(t, 1, usual)
		_ = w[0].out.Close()
		c := submit(t, d, time.Minute)
		<-w[0].served
		c.unanswered(t)
		w[0].connect(pastNothing)
		in := w[0].wantCall(c)
		w[0].send(result(in.Stream, "1"))
		c.wantError(t, "")
		wantLoad(t, d, load{counts: pool.CallCounts{OK: 1}, available: 1})
	})
	t.Run("ahead of those that wait", func(t *testing.T) {
		d, w := newPool(t, 1, usual)
		_ = w[0].out.Close()
		first, second := submit(t, d, time.Minute), submit(t, d, time.Minute)
		<-w[0].served
		w[0].connect(pastNothing)
		in := w[0].wantCall(first)
		w[0].send(result(in.Stream, "1"))
		w[0].wantCall(second)
	})
}

func TestAnswerInSeveralFrames(t *testing.T) {
	d, w := newPool(t, 1, usual)
	c := submit(t, d, time.Minute)
	in := w[0].wantCall(c)
	for _, frame := range longResult(in.Stream) {
		w[0].send(frame)
	}
	c.wantError(t, "")
	if string(c.body) != `"x"` {
		t.Errorf("body = %q", c.body)
	}
	c = submit(t, d, time.Minute)
	in = w[0].wantCall(c)
	frames := longResult(in.Stream)
	w[0].send(frames[0])
	w[0].send(errorFrame(in.Stream, pool.CategoryRaised))
	c.wantError(t, pool.CategoryRaised)
	wantLoad(t, d, load{counts: pool.CallCounts{OK: 1, Failed: 1}, available: 1})
}

func TestStrangeAnswers(t *testing.T) {
	d, w := newPool(t, 1, usual)
	w[0].send(result(99, "1")) // nobody asked
	c := submit(t, d, time.Minute)
	in := w[0].wantCall(c)
	w[0].send(result(in.Stream+1, "1"))
	w[0].send(wire.AppendFrame(nil, wire.Header{Type: wire.TypeResult, Flags: wire.FlagEnd, Stream: in.Stream}, []byte("short")))
	<-w[0].served // the protocol was broken: the connection ends
	c.unanswered(t)
	w[0].entry.slots.remove(pool.NewCallError(pool.CategoryWorkerDied, "it died"))
	c.wantError(t, pool.CategoryWorkerDied)
}

func TestClose(t *testing.T) {
	d, w := newPool(t, 1, usual)
	running, waiting := submit(t, d, time.Minute), submit(t, d, time.Minute)
	drained := d.close(pool.NewCallError(pool.CategoryUnavailable, "closed"))
	submit(t, d, time.Minute).wantError(t, pool.CategoryUnavailable)
	select {
	case <-drained:
		t.Fatal("drained while a call waits")
	default:
	}
	in := w[0].wantCall(running)
	w[0].send(result(in.Stream, "1"))
	w[0].wantCall(waiting)
	<-drained
	d.failQueued(pool.NewCallError(pool.CategoryUnavailable, "closed"))
	waiting.unanswered(t) // it runs
	wantLoad(t, d, load{counts: pool.CallCounts{OK: 1, Rejected: 1}, busy: 1})
}

func TestFailQueued(t *testing.T) {
	d, _ := newPool(t, 1, usual)
	running, waiting := submit(t, d, time.Minute), submit(t, d, time.Minute)
	d.failQueued(pool.NewCallError(pool.CategoryUnavailable, "stopping"))
	waiting.wantError(t, pool.CategoryUnavailable)
	running.unanswered(t)
	wantLoad(t, d, load{counts: pool.CallCounts{Rejected: 1}, busy: 1})
}
