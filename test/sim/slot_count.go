package sim

import (
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
)

// limit is how many calls the worker takes, 0 for any number.
func (s *slot) limit() int {
	n := s.d.spec.Lifecycle.MaxRequests
	if n > 0 && s.d.w.opts.Limit != nil {
		return s.d.w.opts.Limit(n)
	}
	return n
}

func (s *slot) spent() bool { return s.limit() > 0 && s.taken >= s.limit() }

// checkTaking is the oracle's: a worker never executes more calls than max_requests
// allows when it is given one, under however many supervisors.
func (s *slot) checkTaking() {
	if n := s.d.spec.Lifecycle.MaxRequests; n > 0 && s.p.executed >= n {
		s.d.w.violate(InvariantRequests, "%s has executed %d calls and gets another, max_requests is %d", s.p.name(), s.p.executed, n)
	}
}

// checkSpent tells the pool when the slot has finished its last call.
func (s *slot) checkSpent() {
	if !s.spent() || s.call != nil || !s.admitted || s.toldSpent {
		return
	}
	s.toldSpent = true
	if n := s.d.spec.Lifecycle.MaxRequests; s.p.executed < n {
		s.d.w.violate(InvariantRequests, "%s counts as spent after %d calls, max_requests is %d", s.p.name(), s.p.executed, n)
	}
	s.d.tell(lifecycle.Spent{Worker: s.p.id})
}

// checkNearing tells the pool when the last call is near at the slot's pace so far.
func (s *slot) checkNearing() {
	const startTime = 60 * time.Millisecond
	limit := s.limit()
	if limit == 0 || s.toldNearing || !s.admitted {
		return
	}
	left := limit - s.taken
	paced := (s.d.w.now - s.admittedAt) / time.Duration(max(1, s.taken)) * time.Duration(left)
	if left <= max(1, limit/8) || s.taken > 0 && paced <= 2*startTime {
		s.toldNearing = true
		s.d.tell(lifecycle.Nearing{Worker: s.p.id})
	}
}

// recount holds all slots against another max_requests.
func (d *dispatcher) recount() {
	for _, s := range d.slots {
		s.toldNearing, s.toldSpent = false, false
		s.checkNearing()
		if s.spent() {
			s.leaveIdle()
			s.checkSpent()
		}
	}
}

// resume takes up how many calls the worker has executed for former supervisors.
func (s *slot) resume(executed int) {
	if !s.resumed {
		s.resumed = true
		s.taken += executed
		s.checkNearing()
	}
}

// lastUsed returns when the slot last had a call, the present moment while it has one,
// and the zero time when it never had.
func (s *slot) lastUsed() time.Time {
	switch {
	case s.call != nil && !s.call.phantom:
		return s.d.w.time()
	case s.usedAt > 0:
		return epoch.Add(s.usedAt)
	}
	return time.Time{}
}
