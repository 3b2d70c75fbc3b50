package supervisor

import (
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// orphaned is a pool whose only worker was started by a former supervisor.
type orphaned struct {
	t      *testing.T
	ledger *ledger
	d      *dispatcher
	worker *workerEntry
	board  *switchboard
}

func newOrphaned(t *testing.T) *orphaned {
	t.Helper()
	d := newDispatcher("pool.api", usual)
	w := &workerEntry{rec: pool.Worker{Pool: "pool.api", Incarnation: "w0"}, adopted: true}
	w.slots = d.addSlots(w, 1)
	w.slots.adopt()
	w.slots.admit()
	d.ledger.expect(w)
	t.Cleanup(d.ledger.close)
	return &orphaned{t: t, ledger: d.ledger, d: d, worker: w, board: newSwitchboard(t)}
}

// claim asks for a call that was sent so long before the supervisor began.
func (o *orphaned) claim(id wire.CallID, before time.Duration, idempotent bool) *testCall {
	c := newCall(time.Minute)
	c.id, c.dispatcher, c.idempotent = id, o.d, idempotent
	at := o.ledger.started - int64(before)
	o.ledger.claim(&c.call, at, at)
	return c
}

// connect is what the supervisor does when the slot has said hello.
func (o *orphaned) connect(past wire.History) {
	near, _ := o.board.pair(o.t)
	out := wire.NewOutbox(near, workerBuffer)
	o.t.Cleanup(func() { _ = out.Close() })
	o.worker.slots.all[0].connect(out, past)
}

// send is an answer that the worker kept.
func (o *orphaned) send(id wire.CallID, body string) {
	frame := result(9, body)
	o.ledger.take(id, wire.ParseHeader(frame), frame)
}

// What is known of a call that no answer is found for decides what its caller is told.
func TestJudgement(t *testing.T) {
	id, other := wire.NewCallID(), wire.NewCallID()
	now := wire.Monotonic()
	tests := []struct {
		name       string
		before     time.Duration // that it was sent before the supervisor began
		forgotten  int64         // when a worker was last forgotten
		past       wire.History
		dies       bool
		idempotent bool

		started, retryable bool
	}{
		{"nobody had it", time.Second, 0, wire.History{Known: true, Executed: []wire.CallID{other}}, false, false, false, true},
		{"nobody had it, all remember that far", time.Second, 0, wire.History{Known: true, CompleteSince: now - int64(time.Minute)}, false, false, false, true},
		{"its answer is lost", time.Second, 0, wire.History{Known: true, Executed: []wire.CallID{id}}, false, false, true, false},
		{"its answer is lost, it may run twice", time.Second, 0, wire.History{Known: true, Executed: []wire.CallID{id}}, false, true, true, true},
		{"the worker does not remember that far", time.Minute, 0, wire.History{Known: true, CompleteSince: now - int64(time.Second)}, false, false, true, false},
		{"the worker cannot remember", time.Second, 0, wire.History{}, false, false, true, false},
		{"a worker was forgotten since", time.Minute, now - int64(time.Second), wire.History{Known: true}, false, false, true, false},
		{"a worker was forgotten before", time.Second, now - int64(time.Minute), wire.History{Known: true}, false, false, false, true},
		{"the worker died without a word", time.Second, 0, wire.History{}, true, false, true, false},
		{"it was sent to this supervisor", -time.Nanosecond, 0, wire.History{Known: true}, false, false, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOrphaned(t)
			o.ledger.forgets(tt.forgotten)
			early := o.claim(id, tt.before, false)
			early.unanswered(t)
			if tt.dies {
				o.worker.slots.remove(pool.NewCallError(pool.CategoryWorkerDied, "it died"))
				o.ledger.gone(o.worker)
			} else {
				o.connect(tt.past)
			}
			late := o.claim(id, tt.before, tt.idempotent)
			got := late.wantError(t, pool.CategoryUnavailable)
			if got.Started != tt.started || got.Retryable != tt.retryable {
				t.Errorf("started %t, retryable %t (%s), want %t and %t", got.Started, got.Retryable, got.Message, tt.started, tt.retryable)
			}
			if first := early.wantError(t, pool.CategoryUnavailable); first.Started != tt.started {
				t.Errorf("who asked before was told started %t, want %t", first.Started, tt.started)
			}
			final := uint64(0) // the answers after which nobody calls anew
			if tt.started {
				final++
			}
			if tt.started && !tt.retryable {
				final++
			}
			if counts := o.d.load().counts; counts != (pool.CallCounts{Failed: final}) {
				t.Errorf("counted %+v, want %d failed: the calls that are made anew count themselves", counts, final)
			}
		})
	}
}

// A call that may run twice does not wait for what workers tell.
func TestIdempotentClaimDoesNotWait(t *testing.T) {
	o := newOrphaned(t)
	if err := o.claim(wire.NewCallID(), time.Second, true).wantError(t, pool.CategoryUnavailable); !err.Retryable {
		t.Errorf("error = %+v, want it retryable", err)
	}
}

func TestKeptAnswers(t *testing.T) {
	kept, asked := wire.NewCallID(), wire.NewCallID()
	t.Run("asked before and after", func(t *testing.T) {
		o := newOrphaned(t)
		c := o.claim(asked, time.Second, false)
		o.connect(pastKept(kept, asked))
		c.unanswered(t)
		o.send(kept, "1")
		o.send(asked, "2")
		c.wantError(t, "")
		late := o.claim(kept, time.Second, false)
		late.wantError(t, "")
		if string(c.body) != "2" || string(late.body) != "1" {
			t.Errorf("answers %q and %q", c.body, late.body)
		}
		o.claim(kept, time.Second, false).wantError(t, pool.CategoryUnavailable)
	})
	t.Run("the connection breaks within them", func(t *testing.T) {
		o := newOrphaned(t)
		o.connect(pastKept(asked))
		c := o.claim(asked, time.Second, false)
		c.unanswered(t)
		o.connect(pastKept(asked))
		o.send(asked, "3")
		c.wantError(t, "")
	})
	t.Run("the worker dies within them", func(t *testing.T) {
		o := newOrphaned(t)
		o.connect(pastKept(asked))
		c := o.claim(asked, time.Second, false)
		o.ledger.gone(o.worker)
		if err := c.wantError(t, pool.CategoryUnavailable); !err.Started {
			t.Errorf("error = %+v, want it started", err)
		}
	})
	t.Run("nobody comes", func(t *testing.T) {
		o := newOrphaned(t)
		o.ledger.grace = time.Nanosecond
		o.connect(pastKept(kept))
		o.send(kept, "1")
		deadline := time.Now().Add(patience)
		for o.ledger.holds() > 0 && time.Now().Before(deadline) {
			o.ledger.expire()
		}
		if n := o.ledger.holds(); n != 0 {
			t.Errorf("%d bytes are held of answers that nobody fetched", n)
		}
		o.claim(kept, time.Second, false).wantError(t, pool.CategoryUnavailable)
	})
}

func (l *ledger) holds() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

func TestRunningCallIsBound(t *testing.T) {
	id := wire.NewCallID()
	for _, askedFirst := range []bool{true, false} {
		o := newOrphaned(t)
		var c *testCall
		if askedFirst {
			c = o.claim(id, time.Second, false)
		}
		o.ledger.executing(o.worker.slots.all[0], id, wire.History{Known: true})
		if !askedFirst {
			c = o.claim(id, time.Second, false)
		}
		if o.worker.slots.work().oldest <= 0 {
			t.Fatal("the slot does not execute the call that was asked for")
		}
		o.connect(pastKept(id))
		o.send(id, "4")
		c.wantError(t, "")
		wantLoad(t, o.d, load{counts: pool.CallCounts{OK: 1}, available: 1})
	}
}

func TestRunningCallFailsWithItsWorker(t *testing.T) {
	o := newOrphaned(t)
	id := wire.NewCallID()
	o.ledger.executing(o.worker.slots.all[0], id, wire.History{Known: true})
	c := o.claim(id, time.Second, false)
	o.worker.slots.remove(pool.NewCallError(pool.CategoryWorkerDied, "it died"))
	o.ledger.gone(o.worker)
	c.wantError(t, pool.CategoryWorkerDied)
}
