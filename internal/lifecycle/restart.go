package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// exited takes a worker that is gone out of its place and decides when the place
// may be filled again.
func (m *Machine) exited(now time.Time, w *worker, e Happened) {
	delete(m.workers, w.id)
	m.tell(pool.EventWorkerStopped, w, e.Reason)
	p := m.placeOf(w)
	if p == nil {
		m.rollout.progressed = now // room for what follows
		return                     // it was leaving
	}
	p.lastDeath = e.Reason
	replacement := p.next == w
	if replacement {
		p.next = nil
	} else {
		p.serving = nil
	}
	p.recycle = false // given up, or done by the death itself
	neverReady := w.ready.IsZero()
	unproved := w.launch != p.launch
	if w.launch == m.target.Launch && (neverReady || (replacement || unproved) && !w.healthy) {
		m.fail(now, fmt.Sprintf("%s %s", pool.WorkerAddress(m.target.Spec.Address(), w.place), e.Reason), unproved || m.rolling())
	}
	m.restarts++
	m.countFailure(now, p, neverReady, e)
}

// Failure is one death of a worker that was not leaving.
type Failure struct {
	At         time.Time `json:"at"`
	DuringCall bool      `json:"during_call"`
	// Kind says how it ended, the same for ends of one kind.
	Kind string `json:"kind"`
}

// countFailure sets the wait before the place is filled again. The first failure
// within the window costs no wait. A death during a call is held against the
// command, not the place: it waits a second at the most, and quarantines nothing,
// now or later.
func (m *Machine) countFailure(now time.Time, p *place, neverReady bool, e Happened) {
	policy := m.target.Spec.Restart
	p.failures = slices.DeleteFunc(p.failures, func(f Failure) bool { return now.Sub(f.At) > policy.Window.D() })
	p.failures = append(p.failures, Failure{At: now, DuringCall: e.DuringCall, Kind: cmp.Or(e.Kind, e.Reason)})
	n, alike := 0, true
	for _, f := range p.failures {
		if e.DuringCall || !f.DuringCall {
			n++
			alike = alike && f.Kind == cmp.Or(e.Kind, e.Reason)
		}
	}
	wait := backoff(policy, n)
	switch {
	case n == 1 && !neverReady:
		wait = 0
	case e.DuringCall:
		wait = min(wait, poisonWait)
	}
	p.notBefore = now.Add(wait)
	if !e.DuringCall && n > policy.MaxRestarts && p.serving == nil && m.othersWork(p) {
		p.quarantine(m, quarantineReason(e, n, alike, policy.Window))
	}
}

// quarantineReason says which failures emptied a place; alike: all ended in one way.
func quarantineReason(last Happened, n int, alike bool, window pool.Duration) string {
	how := cmp.Or(last.Kind, last.Reason)
	if alike {
		return fmt.Sprintf("%s, %d times within %s", how, n, window)
	}
	return fmt.Sprintf("%d failures within %s, the last: %s", n, window, how)
}

// backoff doubles from restart.backoff with each failure after the first.
func backoff(policy pool.Restart, failures int) time.Duration {
	wait := policy.Backoff.D()
	for range max(0, failures-2) {
		if wait *= 2; wait >= policy.MaxBackoff.D() {
			return policy.MaxBackoff.D()
		}
	}
	return min(wait, policy.MaxBackoff.D())
}

// othersWork reports whether the pool has a place besides p that is not
// quarantined: the last one never is.
func (m *Machine) othersWork(p *place) bool {
	for _, other := range m.places {
		if other != p && other.index < m.target.Size && other.quarantined == "" {
			return true
		}
	}
	return false
}
