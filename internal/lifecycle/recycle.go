package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// rearm takes up a lifecycle policy. Times that it sets count from now where they
// would lie in the past, so that a new limit does not replace a whole pool at once.
func (m *Machine) rearm(now time.Time, before, after pool.Lifecycle) {
	if m.configured && before == after {
		return
	}
	m.armed = now
	for _, w := range m.workers {
		w.asked = false
		if before.MaxRequests != after.MaxRequests {
			w.nearing = false // the edge tells again, by the new count
		}
	}
}

// age makes the worker that serves p due when its time is over, and asks of one that
// may have been idle for too long when it was last used.
func (m *Machine) age(now time.Time, p *place) {
	w := p.serving
	if w == nil || w.state != pool.WorkerReady || w.due != "" {
		return
	}
	if at, ok := m.ttlAt(w); ok && !now.Before(at) {
		w.becomeDue(now, fmt.Sprintf("it is older than ttl (%s)", m.target.Spec.Lifecycle.TTL))
		return
	}
	if at, ok := m.idleAt(w); ok && !now.Before(at) && !w.asked {
		w.asked = true
		m.emit(AskUse{Worker: w.id})
	}
}

// ttlAt returns when w has lived long enough.
func (m *Machine) ttlAt(w *worker) (time.Time, bool) {
	policy := m.target.Spec.Lifecycle
	return m.dueAt(w, w.started, policy.TTL.D()), policy.TTL > 0
}

// idleAt returns when w, if nobody uses it before, was idle for long enough.
func (m *Machine) idleAt(w *worker) (time.Time, bool) {
	policy := m.target.Spec.Lifecycle
	return m.dueAt(w, later(w.ready, w.used), policy.IdleTTL.D()), policy.IdleTTL > 0
}

// dueAt returns when a limit that counts from since is reached. Each worker adds a
// part of its own of the jitter, so that a fleet started together ends one by one.
func (m *Machine) dueAt(w *worker, since time.Time, limit time.Duration) time.Time {
	policy := m.target.Spec.Lifecycle
	at := later(m.armed, later(since.Add(limit), w.started.Add(policy.MinLifetime.D())))
	return at.Add(time.Duration(float64(limit) * policy.Jitter * w.share()))
}

// share is a number in [0, 1) that a worker keeps for life. Incarnations are random,
// so it is too, and a later supervisor finds the same one.
func (w *worker) share() float64 {
	var x uint64
	for _, letter := range []byte(w.id) {
		x = (x ^ uint64(letter)) * 0xff51afd7ed558ccd // an odd number spreads every bit upwards
		x ^= x >> 33
	}
	return float64(x>>11) / (1 << 53)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (w *worker) becomeDue(now time.Time, reason string) {
	if w != nil && w.due == "" {
		w.due, w.dueSince = reason, now
	}
}

// overMemory makes a worker due that holds too much. One that is younger than
// min_lifetime is left alone: the edge tells again.
func (m *Machine) overMemory(now time.Time, e OverMemory) {
	w := m.workers[e.Worker]
	if w != nil && !now.Before(w.started.Add(m.target.Spec.Lifecycle.MinLifetime.D())) {
		w.becomeDue(now, e.Reason)
	}
}

// impaired makes a worker due that serves, but not as it should.
func (m *Machine) impaired(now time.Time, e Impaired) {
	w := m.workers[e.Worker]
	if w == nil {
		return
	}
	w.slotLost = w.slotLost || e.SlotLost
	if w.impaired {
		return
	}
	w.impaired = true
	w.becomeDue(now, e.Reason)
	if p := m.placeOf(w); p != nil {
		p.lastDeath = e.Reason
		m.countFailure(now, p, false, Happened{Worker: w.id, Reason: e.Reason, DuringCall: e.SlotLost})
	}
}

// used takes the answer to AskUse.
func (m *Machine) used(now time.Time, e Used) {
	w := m.workers[e.Worker]
	if w == nil {
		return
	}
	w.asked, w.used = false, e.At
	if at, ok := m.idleAt(w); ok && !now.Before(at) {
		w.becomeDue(now, fmt.Sprintf("it was idle for longer than idle_ttl (%s)", m.target.Spec.Lifecycle.IdleTTL))
	}
}

// nearing has the replacement of a worker made ready before it is spent.
func (m *Machine) nearing(now time.Time, w *worker) {
	if w != nil && !w.nearing {
		w.nearing, w.nearSince = true, now
	}
}

// retire takes workers that take no call any more out of their places, where no
// replacement is ready to take over.
func (m *Machine) retire(now time.Time) {
	for _, p := range m.places {
		w := p.serving
		if w == nil || !w.spent || p.next != nil && p.next.state == pool.WorkerReady {
			continue
		}
		m.recycles++
		m.tellRecycled(p)
		p.serving, p.recycle = nil, false
		m.drain(now, w)
	}
}

// tellRecycled tells that the worker that serves p is recycled, and why.
func (m *Machine) tellRecycled(p *place) {
	if p.serving == nil {
		return
	}
	told := Recycled{Worker: p.serving.id, Reason: "by hand"}
	switch w := p.serving; {
	case p.recycle:
	case w.due != "":
		told.Reason = w.due
	default:
		told.Reason = m.spentReason()
	}
	if p.next != nil && p.next.state == pool.WorkerReady {
		told.Replacement = p.next.id
	}
	m.emit(told)
}

func (m *Machine) spentReason() string {
	return fmt.Sprintf("it took its last call (max_requests %d)", m.target.Spec.Lifecycle.MaxRequests)
}

// unresponsive ends a worker that no call may reach any more. It is of no use while
// its replacement starts, so its place counts as empty at once.
func (m *Machine) unresponsive(now time.Time, e Unresponsive) {
	w := m.workers[e.Worker]
	if w == nil || w.state != pool.WorkerReady {
		return
	}
	p := m.placeOf(w)
	m.dump(w)
	m.signal(now, w)
	if p == nil {
		return
	}
	if p.serving == w {
		p.serving, p.recycle = nil, false
	} else {
		p.next = nil
	}
	p.lastDeath = e.Reason
	m.restarts++
	m.countFailure(now, p, false, Happened{Worker: w.id, Reason: e.Reason})
}

// reserved reports whether the replacement of p waits, ready, until the worker that
// serves has taken its last call.
func (m *Machine) reserved(p *place) bool {
	w := p.serving
	return w != nil && w.nearing && !w.spent && w.due == "" && !p.recycle && !m.outdated(p) && w.state == pool.WorkerReady
}

// admit lets a ready worker take calls, unless it is a reserve.
func (m *Machine) admit(p *place, w *worker) {
	w.admitted = p.next != w || !m.reserved(p)
	if w.admitted {
		m.emit(Admit{Worker: w.id})
	}
}

// automatic reports whether a worker is replaced in the normal course of things,
// which nobody who waits for a change has to wait for.
func (w *worker) automatic() bool { return w.due != "" || w.nearing || w.spent }

// renews reports whether p wants a replacement with the launch hash that it holds.
func (m *Machine) renews(p *place) bool {
	return m.wantsReplacement(p) && !m.outdated(p)
}

// renew starts replacements of workers that are to be recycled, the one that waits
// longest first, max_recycling at a time.
func (m *Machine) renew(now time.Time) {
	if m.awaitsRecreate() {
		return
	}
	var waiting []*place
	for _, p := range m.places {
		if m.renews(p) && !now.Before(p.notBefore) {
			waiting = append(waiting, p)
		}
	}
	if len(waiting) == 0 {
		return
	}
	slices.SortStableFunc(waiting, func(a, b *place) int { return a.serving.wantedSince().Compare(b.serving.wantedSince()) })
	free := max(1, m.target.Spec.Lifecycle.MaxRecycling.Of(m.size())) - m.recycling()
	for _, p := range waiting {
		if free <= 0 || !m.mayStart() {
			return
		}
		p.next = m.start(now, p, m.launchFor(p))
		free--
	}
}

// wantedSince orders replacements; those by hand come first.
func (w *worker) wantedSince() time.Time {
	switch {
	case w.due != "":
		return w.dueSince
	case w.nearing:
		return w.nearSince
	}
	return time.Time{}
}

// recycling counts the replacements that start, and the workers that leave for one
// and could still have served. A reserve that waits ready holds nobody up.
func (m *Machine) recycling() int {
	n := 0
	held := map[*worker]bool{}
	for _, p := range m.places {
		held[p.serving], held[p.next] = true, true
		if p.next != nil && p.serving != nil && p.next.launch == p.serving.launch && p.next.state != pool.WorkerReady {
			n++
		}
	}
	for _, w := range m.workers {
		if w.recycled && !w.spent && !held[w] {
			n++
		}
	}
	return n
}

// soonest returns when the first worker may have to be recycled.
func (m *Machine) soonest(sooner func(time.Time)) {
	for _, p := range m.places {
		w := p.serving
		if w == nil || w.state != pool.WorkerReady || w.due != "" {
			continue
		}
		if at, ok := m.ttlAt(w); ok {
			sooner(at)
		}
		if at, ok := m.idleAt(w); ok && !w.asked {
			sooner(at)
		}
	}
}
