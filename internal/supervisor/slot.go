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
	dispatcher *dispatcher
	worker     *workerEntry

	// What follows is guarded by the dispatcher's mu.

	// out is the connection to the slot, nil while there is none.
	out *wire.Outbox
	// admitted: the slot may take calls. draining: it was withdrawn, and DRAIN
	// follows the answer of the call it has. DRAIN is never sent beside a call: the
	// call may have been assigned and not yet written.
	admitted bool
	draining bool
	call     *call
	// progress is what was told last of how far a call has come: of the one above, or
	// of one that has ended.
	progress pool.CallProgress
	// streams counts the calls, to name them.
	streams uint64
	// finished counts the calls that ended here.
	finished uint64
	// taken counts the calls that it was given and that may have started; usedAt is
	// when the last one ended, admittedAt when it was admitted.
	taken      int
	usedAt     time.Time
	admittedAt int64
	// toldNearing and toldSpent: the pool loop knows, see checkNearing and checkSpent.
	toldNearing, toldSpent bool
	// resumed: taken holds what was executed for a former supervisor.
	resumed bool

	timer   *time.Timer
	timerAt int64
}

func (d *dispatcher) addSlot(w *workerEntry) *slot {
	s := &slot{dispatcher: d, worker: w}
	d.mu.Lock()
	d.slots[s] = struct{}{}
	d.mu.Unlock()
	return s
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
	s.call = c
	s.checkNearing(now)
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
		s.call, c.slot = nil, nil
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
		n := len(d.idle)
		if n == 0 || d.queue.len() == 0 || d.frozen {
			d.mu.Unlock()
			return
		}
		s := d.idle[n-1]
		d.idle = d.idle[:n-1]
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
	d := s.dispatcher
	if i := slices.Index(d.idle, s); i >= 0 {
		d.idle = slices.Delete(d.idle, i, i+1)
	}
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
		s.call = nil
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
// handler asked to stop; one past stop_grace as well costs the worker its life.
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
	d.mu.Unlock()
	if err != nil {
		s.cancel(c.id)
		d.tellEnd(c, s.worker, outcomeTimeout, err)
		c.sink.fail(c, err)
	}
	if now >= end {
		d.stuck(s.worker.rec.Incarnation)
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

// busy reports whether the slot executes a call, or may do so for a former
// supervisor.
func (s *slot) busy() bool {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	return s.call != nil
}

// executing returns the call that the slot was given and has not finished, nil for
// none. One that only waits for its connection has none.
func (s *slot) executing() *pool.DeathCall {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	c := s.call
	if c == nil || c.sink == nil {
		return nil
	}
	return &pool.DeathCall{ID: c.id.String(), Command: c.command, RanUS: microseconds(wire.Monotonic() - c.sentAt)}
}

func (s *slot) finishedCalls() uint64 {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	return s.finished
}

// remove ends the slot because its worker is gone; the call it had fails with why.
func (s *slot) remove(why *pool.CallError) {
	d := s.dispatcher
	d.mu.Lock()
	delete(d.slots, s)
	s.admitted, s.out = false, nil
	s.leaveIdle()
	if s.timer != nil {
		s.timer.Stop()
	}
	c := s.call
	s.call = nil
	if c != nil {
		d.judge(c, why)
	}
	if c != nil && d.again(c, why) {
		d.mu.Unlock()
		d.offer()
		return
	}
	first := c != nil && d.settle(c, outcomeFailed)
	if first && !c.probe {
		d.lost++
	}
	d.mu.Unlock()
	if first {
		why.Retryable = c.idempotent
		c.describe(why)
		d.tellEnd(c, s.worker, outcomeFailed, why)
		c.sink.fail(c, why)
	}
}

// shownDeadline is what a caller asked for, or nearly: some of it had passed when
// the call came here.
func shownDeadline(d time.Duration) time.Duration {
	if d >= 100*time.Millisecond {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
