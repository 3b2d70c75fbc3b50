package supervisor

import (
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// relinkWithin is how long an idle slot whose connection broke may take, before
// stop_grace, to connect again.
const relinkWithin = 5 * time.Second

// anyStream stands for a call whose stream id only a former supervisor knew.
const anyStream = ^uint64(0)

// connect gives the slot a connection, and reports whether it is its first one. A
// slot connects when it is idle; past is what it remembers of its calls, the one that
// it had here perhaps among them.
func (s *slot) connect(out *wire.Outbox, past wire.History) (first bool) {
	d := s.dispatcher
	d.mu.Lock()
	first, s.linked = !s.linked, true
	s.leaveIdle() // the former connection's end may not have been seen yet
	s.out = out
	kept, failure := s.reconcileCall(past)
	had := s.call
	s.hold(nil)
	c, link := d.next(s)
	drain := s.draining && s.call == nil
	d.mu.Unlock()
	d.ledger.testify(s, past, kept)
	if drain {
		s.sendDrain(out)
	}
	if failure != nil {
		had.failOnce(failure)
	}
	if c != nil {
		s.send(link, c, nil)
	}
	d.offer() // the call that it had may wait again
	return first
}

// reconcileCall compares the call that the slot should be executing with what its
// worker remembers. It returns the call if its answer follows, or why it fails; one
// that never started waits again, if it can be sent again. mu is held.
func (s *slot) reconcileCall(past wire.History) (kept *call, failure *pool.CallError) {
	c, d := s.call, s.dispatcher
	if c == nil {
		return nil, nil
	}
	c.slot = nil
	switch {
	case c.sink == nil || c.settled:
		if past.Known && !slices.Contains(past.Executed, c.id) {
			s.giveBack(c) // it was answered, and never reached the worker
		}
		return nil, nil
	case slices.Contains(past.Kept, c.id) && c.released == nil:
		if c.slotStream != anyStream {
			s.count(c)
		}
		return c, nil
	case slices.Contains(past.Executed, c.id) || !past.Known:
		failure = pool.NewCallError(pool.CategoryUnavailable, "the connection to the worker broke before the answer was there")
		failure.Started, failure.Retryable = true, c.idempotent
	case c.frames != nil && !c.probe && d.refusal == nil:
		s.giveBack(c)
		d.comeBack(c)
		return nil, nil
	default:
		s.giveBack(c)
		failure = pool.NewCallError(pool.CategoryUnavailable, "the connection broke before the call reached the worker")
		failure.Retryable = true
	}
	failure.Worker = s.worker.incarnation()
	d.judge(c, failure)
	if d.again(c, failure) {
		return nil, nil
	}
	return nil, failure
}

// executesUnknown reports whether the slot may execute a call of which nobody here
// knows yet.
func (s *slot) executesUnknown() bool {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	return s.call != nil && s.call.sink == nil
}

// bind makes a call that was made through a former supervisor, and that the slot
// executes, a call like any other. It reports false when the slot has connected
// meanwhile, which it does when it is done.
func (s *slot) bind(c *call) bool {
	d := s.dispatcher
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.call == nil || s.call.sink != nil {
		return false
	}
	if c.settled {
		return true // nobody wants it any more
	}
	c.slot, c.slotStream, c.wantedUntil = s, anyStream, c.deadline
	s.hold(c)
	s.arm(c.deadline)
	return true
}

// awaitLink keeps the slot busy with a call of which nobody here waits for the
// answer: one of a former supervisor, or none at all, while the slot has no
// connection. Like any other it is given up after limit and stop_grace. mu is held.
func (s *slot) awaitLink(limit time.Duration) {
	now := wire.Monotonic()
	s.hold(&call{
		dispatcher: s.dispatcher, slot: s, slotStream: anyStream, settled: true,
		queuedAt: now, sentAt: now, wantedUntil: now + int64(limit),
	})
	s.arm(s.call.wantedUntil)
}

// sendDrain tells the worker to end, on its control connection when the slot has
// none.
func (s *slotSet) sendDrain(out *wire.Outbox) {
	drain := wire.AppendFrame(nil, wire.Header{Type: wire.TypeDrain}, nil)
	if out == nil || out.Send(drain) != nil {
		s.worker.sendControl(drain)
	}
}

// lost takes the slot out of the rotation because its connection ended, unless it has
// connected again already.
func (s *slot) lost(out *wire.Outbox) {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	if s.out != nil && s.out != out {
		return
	}
	s.dropLink(out)
	if s.call == nil && s.admitted {
		s.awaitLink(relinkWithin)
	}
}
