package sim

import (
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// relinkWithin is how long an idle slot may take to connect again.
const relinkWithin = 5 * time.Second

// slot is what executes the calls of one worker.
type slot struct {
	d        *dispatcher
	p        *process
	out      *link
	admitted bool
	draining bool
	call     *call

	// taken counts the calls that it was given and that may have started, usedAt is when
	// the last one ended.
	taken                  int
	usedAt, admittedAt     time.Duration
	toldNearing, toldSpent bool
	// resumed: taken holds what was executed for a former supervisor.
	resumed bool
}

func (s *slot) assign(c *call) {
	s.checkTaking()
	s.taken++
	c.attempts++
	s.call = c
	s.checkNearing()
	c.slot, c.wantedUntil = s, c.deadline
	s.arm(c, c.deadline)
	s.send(c)
}

// arm looks at the call of the slot again at that moment.
func (s *slot) arm(c *call, at time.Duration) {
	s.d.s.after(at-s.d.w.now, func() {
		if s.call == c {
			s.overdue(c)
		}
	})
}

// overdue answers a call past its deadline; one past stop_grace as well costs the
// worker its life.
func (s *slot) overdue(c *call) {
	d := s.d
	end := c.wantedUntil + d.spec.StopGrace.D()
	if d.w.now < c.wantedUntil {
		return
	}
	d.judge(c, pool.CategoryDeadline)
	if d.fail(c, outcomeTimeout, false) {
		s.p.cancel(c)
	}
	if d.w.now < end {
		s.arm(c, end)
		return
	}
	d.tell(lifecycle.Stuck{Worker: s.p.id})
}

// send writes the call to the connection. One that cannot be written has provably
// not started: it waits again, as the first.
func (s *slot) send(c *call) {
	l, d := s.out, s.d
	if !l.failed {
		p := s.p
		p.after(d.w.between(50*time.Microsecond, 300*time.Microsecond), func() { p.receive(l, c) })
		return
	}
	s.call, c.slot = nil, nil
	s.taken--
	c.attempts--
	s.dropLink(l)
	if !c.settled {
		d.enqueue(c, true)
	}
	if s.draining {
		s.sendDrain()
	}
	d.offer()
}

func (s *slot) dropLink(l *link) {
	if s.out == l {
		s.out = nil
		s.leaveIdle()
	}
}

func (s *slot) leaveIdle() {
	s.d.idle = slices.DeleteFunc(s.d.idle, func(o *slot) bool { return o == s })
}

// answer takes the answer of the call that the slot has.
func (s *slot) answer(l *link, c *call, ok bool) {
	if s.call != c || s.out != l {
		return // nobody waits for it any more, or it comes again
	}
	own := s.call
	s.call, own.slot = nil, nil
	s.usedAt = s.d.w.now
	o, category := outcomeFailed, pool.CategoryRaised
	if ok {
		o, category = outcomeOK, ""
	}
	s.d.judge(own, category)
	again := !ok && s.d.again(own, category)
	if !again && s.d.settle(own, o) {
		s.d.answer(own, o, false)
	}
	s.d.next(s)
	if s.draining {
		s.sendDrain()
	}
	if again {
		s.d.offer()
	}
}

// connect gives the slot a connection; told is what its worker remembers.
func (s *slot) connect(l *link, told past) {
	s.leaveIdle()
	s.out = l
	own := s.reconcile(told)
	s.d.next(s)
	if s.draining && s.call == nil {
		s.sendDrain()
	}
	s.d.s.ledger.testify(s, told, own)
	s.d.offer()
}

// reconcile compares the call that the slot should be executing with what its worker
// remembers. It returns the call if its answer follows; one that never started waits
// again, as the first.
func (s *slot) reconcile(told past) *call {
	c, d := s.call, s.d
	s.call = nil
	if c == nil || c.phantom || c.settled {
		if c != nil {
			c.slot = nil
		}
		if c != nil && !c.phantom && !c.bound && !told.executes(c) {
			s.taken--
		}
		return nil
	}
	c.slot = nil
	switch {
	case told.keeps(c):
		return c
	case !told.executes(c) && !c.bound && !d.closed:
		s.taken--
		c.attempts--
		d.enqueue(c, true)
		return nil
	case !told.executes(c) && !c.bound:
		s.taken--
	}
	d.judge(c, pool.CategoryUnavailable)
	if d.again(c, pool.CategoryUnavailable) {
		return nil
	}
	if d.fail(c, outcomeFailed, !told.executes(c) || c.idempotent) {
		d.lost++
		d.w.stats.Lost++
	}
	return nil
}

// awaitLink keeps the slot busy with a call of which nobody waits for the answer.
func (s *slot) awaitLink(limit time.Duration) {
	c := &call{d: s.d, slot: s, phantom: true, settled: true, deadline: s.d.w.now + limit, wantedUntil: s.d.w.now + limit}
	s.call = c
	s.arm(c, c.wantedUntil)
}

func (s *slot) admit() {
	if !s.admitted {
		s.admitted, s.admittedAt = true, s.d.w.now
		s.checkNearing()
		s.d.next(s)
	}
}

// withdraw takes the slot out of the rotation; DRAIN follows the call it may have.
func (s *slot) withdraw() {
	told := s.draining
	s.admitted, s.draining = false, true
	s.leaveIdle()
	if s.call == nil && !told {
		s.sendDrain()
	}
}

// sendDrain goes behind what was sent before, on the slot's connection or on the
// control connection.
func (s *slot) sendDrain() {
	p, l := s.p, s.out
	if l == nil || l.failed {
		l = p.control
	}
	p.after(s.d.w.between(300*time.Microsecond, time.Millisecond), func() {
		if l != nil && (p.slot == l || p.control == l) {
			p.drain()
		}
	})
}

// disconnected takes the slot out of the rotation because its connection ended.
func (s *slot) disconnected(l *link) {
	if s.out != nil && s.out != l {
		return
	}
	s.dropLink(l)
	if s.call == nil && s.admitted {
		s.awaitLink(relinkWithin)
	}
}

// executes reports whether the slot was given a call that it has not finished.
func (s *slot) executes() bool { return s.call != nil && !s.call.phantom }

// remove ends the slot because its worker is gone.
func (s *slot) remove() {
	d := s.d
	d.slots = slices.DeleteFunc(d.slots, func(o *slot) bool { return o == s })
	s.admitted, s.out = false, nil
	s.leaveIdle()
	c := s.call
	s.call = nil
	if c == nil {
		return
	}
	d.judge(c, pool.CategoryWorkerDied)
	if d.again(c, pool.CategoryWorkerDied) {
		d.offer()
		return
	}
	if d.fail(c, outcomeFailed, c.idempotent) {
		d.lost++
		d.w.stats.Lost++
	}
}
