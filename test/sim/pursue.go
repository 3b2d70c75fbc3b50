package sim

import (
	"slices"
	"time"
)

const (
	// reconnect is how long callers look for the next supervisor.
	reconnect = 2 * time.Second
	// maxResends bounds how often an idempotent call is made again whose fate is unknown.
	maxResends = 5
)

// detach leaves a call to its caller, who looks for a supervisor and asks for it, or
// makes it anew.
func (w *world) detach(c *call, anew bool) {
	*c = call{
		id: c.id, service: c.service, raises: c.raises, idempotent: c.idempotent, deadline: c.deadline, addr: c.addr, sentAt: c.sentAt, resends: c.resends,
		runs: c.runs, answers: c.answers, anew: anew || c.anew, detached: w.now + 1,
	}
	w.loose = append(w.loose, c)
	since := c.detached
	w.after(min(c.deadline-w.now, reconnect), func() {
		if c.detached == since {
			w.found(c)
			w.sever(c)
		}
	})
}

// found notes that a call's caller has found a supervisor, or gave it up.
func (w *world) found(c *call) {
	c.detached = 0
	w.loose = slices.DeleteFunc(w.loose, func(o *call) bool { return o == c })
}

// sever answers a call for which there is no supervisor, or no pool any more.
func (w *world) sever(c *call) {
	w.stats.Severed++
	w.answered(c, outcomeSevered, false)
}

// pursue has the callers whose calls are unanswered find a supervisor that has begun.
func (w *world) pursue(s *supervisor) {
	for _, c := range slices.Clone(w.loose) {
		s.await(c, 100*time.Millisecond)
	}
}

// await has the caller of a call find the supervisor before long.
func (s *supervisor) await(c *call, within time.Duration) {
	since := c.detached
	s.after(s.w.between(0, within), func() {
		if c.detached == since {
			s.w.found(c)
			s.attach(c)
		}
	})
}

// attach takes the question for a call that was made through another supervisor. Its
// client knows when it sent the call, within what the question takes.
func (s *supervisor) attach(c *call) {
	d := s.routes[c.addr]
	if d == nil {
		s.w.sever(c)
		return
	}
	if c.anew {
		c.anew, c.sentAt = false, s.w.now
		d.submit(c)
		return
	}
	c.d, c.queuedAt = d, s.w.now
	c.earliest, c.latest = c.sentAt-s.w.between(0, time.Millisecond), c.sentAt+s.w.between(0, time.Millisecond)
	d.taken++
	s.ledger.claim(c)
}

// resubmit has the caller make a call anew that was not executed, or may run twice.
func (w *world) resubmit(c *call) {
	w.detach(c, true)
	w.sup.await(c, time.Millisecond)
}
