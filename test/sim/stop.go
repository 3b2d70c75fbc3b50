package sim

import (
	"maps"
	"slices"
	"time"
)

// shutdown ends the supervisor as it should end: what waits is refused, what runs is
// finished, and no worker outlives it.
func (s *supervisor) shutdown() {
	if s.closing {
		return
	}
	s.closing = true
	s.w.stats.Shutdowns++
	s.w.note("supervisor stops")
	if s.op != nil {
		s.op.stop()
	}
	s.wind()
}

// wind stops every pool there is, and those that an operation has just made, until
// all have ended.
func (s *supervisor) wind() {
	for _, addr := range slices.Sorted(maps.Keys(s.runners)) {
		r := s.runners[addr]
		if r.ending || r.winding {
			continue
		}
		r.winding = true
		r.d.closed = true
		r.d.failQueued()
		r.send(func() {
			if !r.ending {
				r.stop(nil)
			}
		})
	}
	if len(s.runners) > 0 || s.op != nil {
		s.after(10*time.Millisecond, s.wind)
		return
	}
	for _, id := range slices.Sorted(maps.Keys(s.directory)) {
		s.w.violate(InvariantLeak, "%s lives when the supervisor ends: %s", s.directory[id].p.name(), id)
	}
	for _, c := range s.ledger.open() {
		s.w.violate(InvariantAnswered, "%s is unanswered when the supervisor ends", c)
	}
	s.keeper.flush(len(s.keeper.others))
	s.w.sup = nil
	s.w.note("supervisor has stopped")
	s.w.after(s.w.between(time.Millisecond, 300*time.Millisecond), s.w.boot)
}

// failQueued refuses every call that waits.
func (d *dispatcher) failQueued() {
	for _, c := range append(slices.Clone(d.queue), d.resting...) {
		if !d.rouse(c) {
			d.unqueue(c)
		}
		d.fail(c, outcomeRejected, true)
	}
	d.checkDrained()
}

// end stops the pool, unless it has ended already; ended is called when it has.
func (r *runner) end(ended func()) {
	if r.over {
		r.s.after(0, ended)
		return
	}
	r.send(func() { r.stop(ended) })
}
