package supervisor

import (
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// relinkWithin is how long an idle slot whose connection broke may take, before
// stop_grace, to connect again.
const relinkWithin = 5 * time.Second

// anyStream stands for a call whose stream id only a former supervisor knew.
const anyStream = ^uint64(0)

// connect gives the slot a connection. told is the call that the worker says it
// runs or has the answer of.
func (s *slot) connect(out *wire.Outbox, told *wire.HelloCall) {
	d := s.dispatcher
	d.mu.Lock()
	s.leaveIdle() // the former connection's end may not have been seen yet
	s.out = out
	lost := s.reconcileCall(told)
	c, link := d.next(s)
	drain := s.draining && s.call == nil
	d.mu.Unlock()
	if drain {
		s.sendDrain(out)
	}
	if lost != nil {
		err := pool.NewCallError(pool.CategoryUnavailable, "the connection broke before the call reached the worker")
		err.Retryable, err.Worker = true, s.worker.incarnation()
		lost.sink.fail(lost, err)
	}
	if c != nil {
		s.send(link, c, nil)
	}
}

// reconcileCall compares the call that the slot should be executing with the one
// its worker tells of, and returns one that never reached it. mu is held.
func (s *slot) reconcileCall(told *wire.HelloCall) (lost *call) {
	c := s.call
	if told == nil {
		s.call = nil
		if c != nil {
			s.giveBack(c)
		}
		if c != nil && !c.probe && s.dispatcher.settle(c, outcomeFailed) {
			s.dispatcher.lost++
			return c
		}
		return nil
	}
	if c == nil {
		s.awaitLink(s.dispatcher.policy.callTimeout)
	}
	return nil
}

// awaitLink keeps the slot busy with a call of which nobody here waits for the
// answer: one of a former supervisor, or none at all, while the slot has no
// connection. Like any other it is given up after limit and stop_grace. mu is held.
func (s *slot) awaitLink(limit time.Duration) {
	now := wire.Monotonic()
	s.call = &call{
		dispatcher: s.dispatcher, slot: s, slotStream: anyStream, settled: true,
		queuedAt: now, sentAt: now, wantedUntil: now + int64(limit),
	}
	s.arm(s.call.wantedUntil)
}

// adopt prepares the slot of a worker that a former supervisor started: it
// connects when it has finished the call that it may be executing.
func (s *slot) adopt() {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	s.awaitLink(s.dispatcher.policy.callTimeout)
}

// admit lets the slot take calls.
func (s *slot) admit() {
	d := s.dispatcher
	d.mu.Lock()
	var c *call
	var out hop
	if !s.admitted {
		s.admitted, s.admittedAt = true, wire.Monotonic()
		s.checkNearing(s.admittedAt)
		c, out = d.next(s)
	}
	d.mu.Unlock()
	if c != nil {
		s.send(out, c, nil)
	}
}

// withdraw takes the slot out of the rotation and tells it to end, behind the call
// that it may have.
func (s *slot) withdraw() {
	d := s.dispatcher
	d.mu.Lock()
	told := s.draining
	s.admitted, s.draining = false, true
	s.leaveIdle()
	out, busy := s.out, s.call != nil
	d.mu.Unlock()
	if !busy && !told {
		s.sendDrain(out)
	}
}

// sendDrain tells the worker to end, on its control connection when the slot has
// none.
func (s *slot) sendDrain(out *wire.Outbox) {
	drain := wire.AppendFrame(nil, wire.Header{Type: wire.TypeDrain}, nil)
	if out == nil || out.Send(drain) != nil {
		s.worker.sendControl(drain)
	}
}

// lost takes the slot out of the rotation because its connection ended. It reports
// false when the slot has connected again already.
func (s *slot) lost(out *wire.Outbox) bool {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	if s.out != nil && s.out != out {
		return false
	}
	s.dropLink(out)
	if s.call == nil && s.admitted {
		s.awaitLink(relinkWithin)
	}
	return true
}
