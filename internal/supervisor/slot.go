package supervisor

import (
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// slot is what executes one call at a time inside a worker, seen from here. It
// outlives its connection: a worker whose connection broke connects again.
type slot struct {
	*slotSet
	// number tells it from the other slots of its worker.
	number int

	// What follows is guarded by the dispatcher's mu.

	// out is the connection to the slot, nil while there is none; linked: there was one.
	out    *wire.Outbox
	linked bool
	// call is what it executes, see hold. idle: it is among the dispatcher's idle.
	call *call
	idle bool
	// progress is what was told last of how far a call has come: of the one above, or
	// of one that has ended.
	progress pool.CallProgress
	// stuck: its call went on past its deadline and stop_grace. While its worker has
	// other slots it is only lost.
	stuck bool
	// streams counts the calls, to name them.
	streams uint64

	timer   *time.Timer
	timerAt int64
}

// hold makes c the call that the slot has, nil for none. mu is held.
func (s *slot) hold(c *call) {
	if c != nil && s.call == nil {
		s.busy++
	} else if c == nil && s.call != nil {
		s.busy--
		s.stuck = false
	}
	s.call = c
}

// hop is one way of one call to a slot: the connection and the call's name on it.
// Whoever sends the call has it from the assignment, since the call may be given to
// another slot while it is still being written to this one.
type hop struct {
	out    *wire.Outbox
	stream uint64
}

// assign gives the slot a call and returns the way to send it. mu is held.
func (s *slot) assign(c *call, now int64) hop {
	s.streams++
	if !c.probe {
		s.taken++
	}
	s.hold(c)
	s.checkNearing(now)
	if s.spent() {
		s.leaveRotation()
	}
	c.slot, c.slotStream, c.sentAt, c.wantedUntil = s, s.streams, now, c.deadline
	c.attempts, c.waited = c.attempts+1, c.waited+now-c.waitsSince
	s.arm(c.deadline)
	return hop{s.out, s.streams}
}

// arm makes the slot's timer fire at the latest at that time. Calls that end in
// time leave the timer alone, so that it costs them nothing: when it fires it looks
// at the call of that moment. mu is held.
func (s *slot) arm(at int64) {
	if s.timerAt != 0 && s.timerAt <= at {
		return
	}
	s.timerAt = at
	wait := time.Duration(max(0, at-wire.Monotonic()))
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, s.overdue)
	} else {
		s.timer.Reset(wait)
	}
}

// send writes the call to the slot's connection. frame is its only frame, or nil
// when c.frames holds them; those of an idempotent call stay as they are, for
// another worker. A call that cannot be written has provably not
// started: it goes back to the front of the queue.
func (s *slot) send(to hop, c *call, frame []byte) {
	if frame == nil {
		frame = c.frames
		if c.idempotent {
			frame = slices.Clone(frame)
		}
	}
	out := to.out
	stampFrames(frame, to.stream, c.deadline)
	if out.Send(frame) == nil {
		return
	}
	d := s.dispatcher
	drain := false
	d.mu.Lock()
	if s.call == c {
		s.hold(nil)
		c.slot = nil
		s.giveBack(c)
		s.dropLink(out)
		drain = s.draining
		if !c.settled && !c.probe {
			if c.frames == nil {
				c.frames = slices.Clone(frame)
			}
			d.comeBack(c)
		}
	}
	d.mu.Unlock()
	_ = out.Close() // also where it was only full: the worker connects again
	if drain {
		s.sendDrain(nil)
	}
	d.offer()
}

// offer hands waiting calls to idle slots. There are both only after calls came
// back to the queue.
func (d *dispatcher) offer() {
	for {
		d.mu.Lock()
		if len(d.idle) == 0 || d.queue.len() == 0 || d.frozen {
			d.mu.Unlock()
			return
		}
		s := d.pick()
		c, out := d.next(s)
		d.mu.Unlock()
		if c != nil {
			s.send(out, c, nil)
		}
	}
}

// dropLink forgets the slot's connection. mu is held.
func (s *slot) dropLink(out *wire.Outbox) {
	if s.out != out {
		return
	}
	s.out = nil
	s.leaveIdle()
}

func (s *slot) leaveIdle() {
	if !s.idle {
		return
	}
	d := s.dispatcher
	i := slices.Index(d.idle, s)
	d.idle = slices.Delete(d.idle, i, i+1)
	s.idle = false
}

// answer takes one frame of a call's answer from the slot's connection.
func (s *slot) answer(h wire.Header, frame []byte) error {
	final := h.End() || h.Type == wire.TypeError
	failure, err := readFailure(h, frame)
	if err != nil {
		return err
	}
	d := s.dispatcher
	d.mu.Lock()
	c := s.call
	if c == nil || c.slotStream != h.Stream {
		d.mu.Unlock()
		return nil // an answer that nobody waits for any more
	}
	live, again := !c.settled, false
	var following *call
	var out hop
	var drain *wire.Outbox
	if final {
		d.judge(c, failure)
		if again = failure != nil && d.again(c, failure); !again {
			d.settle(c, outcomeOf(failure))
		}
		s.count(c)
		d.suspects.survived(c.command)
		s.hold(nil)
		following, out = d.next(s)
		if s.draining {
			drain = s.out
		}
	} else if live && c.released == nil {
		c.released = make(chan struct{})
	}
	d.mu.Unlock()
	if following != nil {
		s.send(out, following, nil)
	}
	if drain != nil {
		s.sendDrain(drain)
	}
	if again {
		d.offer()
	}
	if !live || again {
		return nil
	}
	if final {
		d.tellEnd(c, s.worker, outcomeOf(failure), failure)
	}
	c.pass(h, frame, failure, final, s.worker)
	return nil
}

func outcomeOf(failure *pool.CallError) outcome {
	switch {
	case failure == nil:
		return outcomeOK
	case failure.Category == pool.CategoryDeadline:
		return outcomeTimeout
	default:
		return outcomeFailed
	}
}

// overdue is the slot's timer. A call past its deadline is answered and its
// handler asked to stop; one past stop_grace as well costs the worker its life, once
// no other slot of it has a call.
func (s *slot) overdue() {
	d := s.dispatcher
	now := wire.Monotonic()
	d.mu.Lock()
	s.timerAt = 0
	c := s.call
	if c == nil || d.frozen {
		d.mu.Unlock()
		return
	}
	end := c.wantedUntil + int64(d.policy.stopGrace)
	var err *pool.CallError
	if now < c.wantedUntil {
		s.arm(c.wantedUntil)
	} else {
		if now < end {
			s.arm(end)
		}
		err = s.timeOut(c)
	}
	if now >= end {
		s.stuck = true
		s.checkStuck()
	}
	d.mu.Unlock()
	if err != nil {
		s.cancel(c.id)
		d.tellEnd(c, s.worker, outcomeTimeout, err)
		c.sink.fail(c, err)
	}
}

// timeOut settles a call whose deadline passed while it was executed, and returns the
// error for its caller; nil when the call was settled before. mu is held.
func (s *slot) timeOut(c *call) *pool.CallError {
	err := pool.NewCallError(pool.CategoryDeadline, "the call did not finish within its deadline of %s",
		shownDeadline(time.Duration(c.deadline-c.queuedAt)))
	err.Started, err.Worker = true, s.worker.incarnation()
	err.Hint = "give it more time: with the timeout of the call, or of the command, or with timeouts.call of the pool"
	c.describe(err)
	s.dispatcher.judge(c, err)
	if !s.dispatcher.settle(c, outcomeTimeout) {
		return nil
	}
	return err
}

// cancel asks the worker to stop the handler of a call.
func (s *slot) cancel(id wire.CallID) {
	s.worker.sendControl(wire.AppendFrame(nil, wire.Header{Type: wire.TypeCancel}, id[:]))
}

// shownDeadline is what a caller asked for, or nearly: some of it had passed when
// the call came here.
func shownDeadline(d time.Duration) time.Duration {
	if d >= 100*time.Millisecond {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
