package sim

import (
	"slices"

	"github.com/snakectl/snakectl/internal/dispatch"
	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// dispatcher keeps the books of one pool's calls as the supervisor's does: idle
// slots last in first out, a bounded queue, one settlement for each call.
type dispatcher struct {
	w     *world
	s     *supervisor
	addr  string
	spec  *pool.Pool
	idle  []*slot
	slots []*slot
	queue []*call
	// resting are the calls that wait until they may be executed again.
	resting []*call
	breaker dispatch.Breaker
	counts  pool.CallCounts
	lost    uint64
	// closed refuses new calls; drained, if not nil, is called once when none waits.
	closed  bool
	drained func()
	// tell sends an event to the pool loop.
	tell func(lifecycle.Event)
	// paused holds the paused places, -1 for the whole pool.
	paused map[int]bool

	// onTrial counts the calls that the breaker let in on trial since it turned, mayTry
	// bounds them.
	onTrial, mayTry int
	// taken and told are the oracle's: calls that came, answers that callers got.
	taken uint64
	told  pool.CallCounts
}

func (d *dispatcher) addSlot(p *process) *slot {
	s := &slot{d: d, p: p}
	d.slots = append(d.slots, s)
	return s
}

func (d *dispatcher) submit(c *call) {
	c.d, c.queuedAt, c.waitsSince = d, d.w.now, d.w.now
	d.taken++
	switch n := len(d.idle); {
	case d.closed || !d.ask(c):
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
	c.expiredBy = min(c.waitsSince+d.spec.Queue.Timeout.D(), c.deadline)
	d.s.after(c.expiredBy-d.w.now, func() {
		if !c.queued || d.w.now < c.expiredBy {
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
	if c.trial > 0 {
		d.turn(dispatch.BreakerEvent{Kind: dispatch.Abandoned, Round: c.trial})
		if c.trial == d.breaker.Round && d.breaker.State == pool.BreakerHalfOpen {
			d.onTrial--
		}
	}
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
	if !s.admitted || s.out == nil || s.call != nil || d.held(s) || s.spent() {
		s.checkSpent()
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
	if d.drained != nil && len(d.queue)+len(d.resting) == 0 {
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
	d.rouse(c)
	d.checkDrained()
	if s := c.slot; first && s != nil {
		c.wantedUntil = min(c.wantedUntil, d.w.now)
		s.arm(c, c.wantedUntil+d.spec.StopGrace.D())
		s.p.cancel(c)
	}
}

// sever leaves every open call to its caller because the supervisor is gone.
func (d *dispatcher) sever() {
	open := append(slices.Clone(d.queue), d.resting...)
	for _, s := range d.slots {
		if s.call != nil && !s.call.settled {
			open = append(open, s.call)
		}
	}
	for _, c := range open {
		d.w.detach(c, false)
	}
}

// offer hands waiting calls to idle slots.
func (d *dispatcher) offer() {
	for len(d.idle) > 0 && len(d.queue) > 0 {
		s := d.idle[len(d.idle)-1]
		d.idle = d.idle[:len(d.idle)-1]
		d.next(s)
	}
}
