package sim

import (
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// relinkWithin is how long an idle slot may take to connect again.
const relinkWithin = 5 * time.Second

// dispatcher keeps the books of one pool's calls as the supervisor's does: idle
// slots last in first out, a bounded queue, one settlement for each call.
type dispatcher struct {
	w      *world
	s      *supervisor
	addr   string
	spec   *pool.Pool
	idle   []*slot
	slots  []*slot
	queue  []*call
	counts pool.CallCounts
	lost   uint64
	// closed refuses new calls; drained, if not nil, is called once when none waits.
	closed  bool
	drained func()
	// stuck tells the pool loop of a worker whose call goes on too long.
	stuck func(id string)

	// taken and told are the oracle's: calls that came, answers that callers got.
	taken uint64
	told  pool.CallCounts
}

// slot is what executes the calls of one worker.
type slot struct {
	d        *dispatcher
	p        *process
	out      *link
	admitted bool
	draining bool
	call     *call
}

func (d *dispatcher) addSlot(p *process) *slot {
	s := &slot{d: d, p: p}
	d.slots = append(d.slots, s)
	return s
}

func (d *dispatcher) submit(c *call) {
	c.d, c.queuedAt = d, d.w.now
	d.taken++
	switch n := len(d.idle); {
	case d.closed:
		d.fail(c, outcomeRejected, true)
	case n > 0:
		s := d.idle[n-1]
		d.idle = d.idle[:n-1]
		s.assign(c)
	case len(d.queue) >= d.spec.Queue.Max:
		d.fail(c, outcomeRejected, true)
	default:
		d.enqueue(c, false)
	}
}

func (d *dispatcher) enqueue(c *call, first bool) {
	c.queued = true
	if first {
		d.queue = slices.Insert(d.queue, 0, c)
	} else {
		d.queue = append(d.queue, c)
	}
	expiry := min(c.queuedAt+d.spec.Queue.Timeout.D(), c.deadline)
	d.s.after(expiry-d.w.now, func() {
		if !c.queued {
			return
		}
		d.unqueue(c)
		if d.w.now >= c.deadline {
			d.fail(c, outcomeTimeout, true)
		} else {
			d.fail(c, outcomeQueueTimeout, true)
		}
	})
}

func (d *dispatcher) unqueue(c *call) {
	c.queued = false
	d.queue = slices.DeleteFunc(d.queue, func(o *call) bool { return o == c })
	d.checkDrained()
}

// settle counts how a call ended, once.
func (d *dispatcher) settle(c *call, o outcome) bool {
	if c.settled {
		return false
	}
	c.settled = true
	count(&d.counts, o)
	return true
}

// fail settles a call and answers its caller.
func (d *dispatcher) fail(c *call, o outcome, retryable bool) bool {
	if !d.settle(c, o) {
		return false
	}
	d.answer(c, o, retryable)
	return true
}

func (d *dispatcher) answer(c *call, o outcome, retryable bool) {
	count(&d.told, o)
	d.w.answered(c, o, retryable)
}

func count(counts *pool.CallCounts, o outcome) {
	switch o {
	case outcomeOK:
		counts.OK++
	case outcomeFailed:
		counts.Failed++
	case outcomeTimeout:
		counts.Timeout++
	case outcomeRejected:
		counts.Rejected++
	case outcomeQueueTimeout:
		counts.QueueTimeout++
	case outcomeCancelled:
		counts.Cancelled++
	default:
	}
}

// next gives a free slot its next call, or makes it idle.
func (d *dispatcher) next(s *slot) {
	if !s.admitted || s.out == nil || s.call != nil {
		return
	}
	if len(d.queue) == 0 {
		d.idle = append(d.idle, s)
		return
	}
	c := d.queue[0]
	d.unqueue(c)
	s.assign(c)
}

// close refuses new calls and tells when none waits any more.
func (d *dispatcher) close(drained func()) {
	d.closed, d.drained = true, drained
	d.checkDrained()
}

func (d *dispatcher) checkDrained() {
	if d.drained != nil && len(d.queue) == 0 {
		drained := d.drained
		d.drained = nil
		drained()
	}
}

// cancel gives a call up; its handler is asked to stop and has stop_grace.
func (d *dispatcher) cancel(c *call) {
	first := d.fail(c, outcomeCancelled, false)
	if c.queued {
		d.unqueue(c)
	}
	if s := c.slot; first && s != nil {
		c.wantedUntil = min(c.wantedUntil, d.w.now)
		s.arm(c, c.wantedUntil+d.spec.StopGrace.D())
		s.p.cancel(c)
	}
}

// sever answers every open call because the supervisor is gone.
func (d *dispatcher) sever() {
	open := slices.Clone(d.queue)
	for _, s := range d.slots {
		if s.call != nil && !s.call.settled {
			open = append(open, s.call)
		}
	}
	for _, c := range open {
		c.settled = true
		d.w.stats.Severed++
		d.w.answered(c, outcomeSevered, false)
	}
}

func (s *slot) assign(c *call) {
	s.call = c
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
	if d.fail(c, outcomeTimeout, false) {
		s.p.cancel(c)
	}
	if d.w.now < end {
		s.arm(c, end)
		return
	}
	d.stuck(s.p.id)
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
	s.dropLink(l)
	if !c.settled {
		d.enqueue(c, true)
	}
	if s.draining {
		s.sendDrain()
	}
	d.offer()
}

// offer hands waiting calls to idle slots.
func (d *dispatcher) offer() {
	for len(d.idle) > 0 && len(d.queue) > 0 {
		s := d.idle[len(d.idle)-1]
		d.idle = d.idle[:len(d.idle)-1]
		d.next(s)
	}
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
func (s *slot) answer(c *call, ok bool) {
	if s.call == nil || s.call != c && !s.call.phantom {
		return // nobody waits for it any more
	}
	own := s.call
	s.call, own.slot = nil, nil
	o := outcomeFailed
	if ok {
		o = outcomeOK
	}
	if s.d.settle(own, o) {
		s.d.answer(own, o, false)
	}
	s.d.next(s)
	if s.draining {
		s.sendDrain()
	}
}

// connect gives the slot a connection; told is the call that the worker kept.
func (s *slot) connect(l *link, told *call) {
	s.leaveIdle()
	s.out = l
	c := s.call
	switch {
	case told == nil:
		s.call = nil
		if c != nil && s.d.fail(c, outcomeFailed, true) {
			s.d.lost++
			s.d.w.stats.Lost++
		}
	case c == nil:
		s.awaitLink(s.d.spec.Timeouts.Call.D())
	}
	s.d.next(s)
	if s.draining && s.call == nil {
		s.sendDrain()
	}
}

// awaitLink keeps the slot busy with a call of which nobody waits for the answer.
func (s *slot) awaitLink(limit time.Duration) {
	c := &call{d: s.d, slot: s, phantom: true, settled: true, deadline: s.d.w.now + limit, wantedUntil: s.d.w.now + limit}
	s.call = c
	s.arm(c, c.wantedUntil)
}

func (s *slot) admit() {
	if !s.admitted {
		s.admitted = true
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
	if c != nil && d.fail(c, outcomeFailed, false) {
		d.lost++
		d.w.stats.Lost++
	}
}
