package supervisor

import (
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/wire"
)

// The slots of a worker count the calls that they are given. With max_requests they
// leave the rotation by themselves when they have been given that many, and the pool
// loop is told beforehand, so that a replacement is ready by then.

// spent reports whether the worker has been given all the calls it may take. mu is
// held.
func (s *slotSet) spent() bool {
	limit := s.dispatcher.policy.maxRequests
	return limit > 0 && s.taken >= limit
}

// giveBack takes a call off the count that provably never started. mu is held.
func (s *slot) giveBack(c *call) {
	if c.sink != nil && !c.probe && c.slotStream != anyStream {
		s.taken--
		s.rejoin()
	}
}

// count notes that a call ended. mu is held.
func (s *slot) count(c *call) {
	if !c.probe {
		s.finished++
		s.usedAt = time.Now()
	}
}

// checkSpent tells the pool loop when the worker has finished its last call. mu is
// held.
func (s *slotSet) checkSpent() {
	if s.spent() && s.busy == 0 && s.admitted && !s.toldSpent {
		s.toldSpent = true
		s.dispatcher.note(lifecycle.Spent{Worker: s.worker.rec.Incarnation})
	}
}

// checkNearing tells the pool loop when the calls that are left would be taken,
// at the worker's pace so far, within twice the time that a worker takes to start.
// mu is held.
func (s *slotSet) checkNearing(now int64) {
	d := s.dispatcher
	limit := d.policy.maxRequests
	if limit == 0 || s.toldNearing || !s.admitted {
		return
	}
	const few = 8 // the last eighth is near at any pace: a pool may be idle, then busy
	left := limit - s.taken
	paced := time.Duration(now-s.admittedAt) / time.Duration(max(1, s.taken)) * time.Duration(left)
	if left <= max(1, limit/few) || s.taken > 0 && paced <= 2*d.startTime {
		s.toldNearing = true
		d.note(lifecycle.Nearing{Worker: s.worker.rec.Incarnation})
	}
}

// note keeps an event for the pool loop. It never waits. mu is held.
func (d *dispatcher) note(e lifecycle.Event) {
	d.notes = append(d.notes, e)
	d.wake()
}

// wake has the pool loop look at what is noted for it. It never waits.
func (d *dispatcher) wake() {
	select {
	case d.noted <- struct{}{}:
	default: // it is told already
	}
}

// takeNotes returns the events since the last call, for the pool loop.
func (d *dispatcher) takeNotes() []lifecycle.Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	notes := d.notes
	d.notes = nil
	return notes
}

// started takes up how long a worker took to be ready; newer ones count more.
func (d *dispatcher) started(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.startTime == 0 {
		d.startTime = took
	}
	d.startTime += (took - d.startTime) / 4
}

// recount holds all workers against a new max_requests. mu is held.
func (d *dispatcher) recount(now int64) {
	for s := range d.workers {
		s.toldNearing, s.toldSpent = false, false
		s.checkNearing(now)
		if s.spent() {
			s.leaveRotation()
			s.checkSpent()
		}
	}
}

// lastUsed returns when the worker last had a call, the present moment while it has
// one, and the zero time when it never had.
func (s *slotSet) lastUsed() time.Time {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	for _, each := range s.all {
		if each.call != nil && !each.call.probe {
			return time.Now()
		}
	}
	return s.usedAt
}

// resume takes up, once, how many calls the worker of a former supervisor has
// executed: max_requests holds across supervisors. Its health commands count too. Each
// slot tells the count of the whole worker, and the first that connects is believed.
func (s *slotSet) resume(calls uint64) {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	if s.worker.adopted && !s.resumed {
		s.resumed = true
		s.taken += int(calls)
		s.finished += calls
		s.checkNearing(wire.Monotonic())
	}
}
