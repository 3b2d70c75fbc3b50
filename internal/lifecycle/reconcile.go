package lifecycle

import (
	"fmt"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// reconcile does whatever the present state asks for. The order keeps capacity:
// finish what is leaving, drop what is not wanted any more, promote what is
// healthy, shrink, fill, and only then replace and recycle.
func (m *Machine) reconcile(now time.Time) {
	m.expire(now)
	for _, p := range m.places {
		m.age(now, p)
	}
	m.abandon(now)
	m.retire(now)
	m.promote(now)
	m.shrink(now)
	if m.stopping {
		return
	}
	m.advance(now)
	m.clearForRecreate(now)
	m.fill(now)
	m.replace(now)
	m.renew(now)
}

// expire moves workers on that stayed too long in a state.
func (m *Machine) expire(now time.Time) {
	for _, w := range m.sortedWorkers() {
		limit, ok := m.deadline(w)
		if !ok || now.Before(limit) {
			continue
		}
		switch w.state {
		case pool.WorkerStarting, pool.WorkerHandshaking, pool.WorkerInitializing:
			m.dump(w)
			m.kill(now, w, m.tooLate(w))
		case pool.WorkerReady:
			m.kill(now, w, m.tooLate(w))
		case pool.WorkerAdopting:
			m.kill(now, w, fmt.Sprintf("did not connect again within %s", returnWithin))
		case pool.WorkerDraining:
			m.signal(now, w)
		case pool.WorkerStopping:
			m.kill(now, w, "did not stop when it was told to")
		default:
		}
	}
}

// deadline returns when w leaves its state by itself, if it does.
func (m *Machine) deadline(w *worker) (time.Time, bool) {
	switch w.state {
	case pool.WorkerStarting, pool.WorkerHandshaking, pool.WorkerInitializing:
		limit := m.target.Spec.StartTimeout.D()
		if m.mustProve(w) {
			limit = min(limit, m.target.Spec.Update.HealthyDeadline.D())
		}
		return w.started.Add(limit), true
	case pool.WorkerReady:
		return w.started.Add(m.target.Spec.Update.HealthyDeadline.D()), m.mustProve(w)
	case pool.WorkerAdopting:
		return w.since.Add(returnWithin), true
	case pool.WorkerDraining:
		return w.since.Add(m.target.Spec.StopGrace.D()), !w.slotLost || m.stopping
	case pool.WorkerStopping:
		return w.since.Add(killAfter), !w.killed
	default:
		return time.Time{}, false
	}
}

// mustProve reports whether w has to be healthy before healthy_deadline: it is the first
// of its launch hash in its place.
func (m *Machine) mustProve(w *worker) bool {
	if w.healthy || w.launch != m.target.Launch || m.target.Spec.Update.HealthyDeadline == 0 || !m.rollout.phase.Forward() && m.rollout.phase != pool.RolloutReverting {
		return false
	}
	p := m.placeOf(w)
	return p != nil && p.launch != w.launch && p.proved != w.launch
}

// tooLate says what a worker was too late for.
func (m *Machine) tooLate(w *worker) string {
	if w.state == pool.WorkerReady || m.mustProve(w) && m.target.Spec.Update.HealthyDeadline < m.target.Spec.StartTimeout {
		return fmt.Sprintf("was not healthy within update.healthy_deadline (%s)", m.target.Spec.Update.HealthyDeadline)
	}
	return fmt.Sprintf("was not ready within start_timeout (%s)", m.target.Spec.StartTimeout)
}

// abandon ends replacements of a launch hash that is not the target any more,
// where the place is served without them.
func (m *Machine) abandon(now time.Time) {
	if m.held() {
		return
	}
	for _, p := range m.places {
		served := p.serving != nil && p.serving.state == pool.WorkerReady && !p.serving.spent
		if p.next != nil && p.next.launch != m.target.Launch && p.next.launch != m.launchFor(p) && served {
			m.drain(now, p.next)
			p.next = nil
		}
	}
}

// promote lets replacements that are healthy take over, and one that is ready
// where nobody serves.
func (m *Machine) promote(now time.Time) {
	for _, p := range m.places {
		m.assess(now, p, p.serving) // first: it may prove the launch hash of the next
		m.assess(now, p, p.next)
		if p.next == nil || p.next.state != pool.WorkerReady {
			continue // one whose connections broke may have been healthy before
		}
		if !p.next.admitted {
			if m.reserved(p) {
				continue
			}
			m.admit(p, p.next)
		}
		if p.next.spent && p.serving != nil {
			m.passOver(now, p)
			continue
		}
		if p.next.healthy || p.serving == nil {
			former := p.serving
			m.takeOver(p)
			m.age(now, p)               // its time may have been over while another served
			m.assess(now, p, p.serving) // in a place that held nothing, ready was enough all along
			m.drain(now, former)
		}
	}
}

// passOver ends a replacement that took its last call before it could take over: it
// would leave the place empty. It has proved its launch hash, so that the one that
// follows takes over as soon as it is ready.
func (m *Machine) passOver(now time.Time, p *place) {
	w := p.next
	p.next, p.proved = nil, w.launch
	m.recycles++
	m.emit(Recycled{Worker: w.id, Reason: m.spentReason()})
	m.drain(now, w)
}

// assess notes that a worker of p became healthy. The serving one then proves its
// launch hash.
func (m *Machine) assess(now time.Time, p *place, w *worker) {
	if w != nil && w.state == pool.WorkerReady && !w.healthy && !now.Before(m.healthyAt(p, w)) {
		w.healthy = true
		m.tell(pool.EventWorkerHealthy, w, "")
	}
	if w != nil && w.healthy && w == p.serving {
		p.launch = w.launch
	}
}

// healthyAt returns when a ready worker counts as healthy. The launch hash that a
// place holds has proved itself: ready is enough.
func (m *Machine) healthyAt(p *place, w *worker) time.Time {
	if w.launch == p.launch || w.launch == p.proved {
		return w.ready
	}
	return w.ready.Add(m.target.Spec.Update.MinHealthyTime.D())
}

// takeOver makes the replacement of a place its serving worker.
func (m *Machine) takeOver(p *place) {
	former := p.serving
	if p.next.launch == p.launch && (p.recycle || former != nil && former.automatic()) {
		if former != nil && former.impaired {
			m.restarts++
		} else {
			m.recycles++
		}
		m.tellRecycled(p)
	}
	if former != nil {
		former.recycled = p.next.launch == p.launch
	}
	p.serving, p.next, p.recycle = p.next, nil, false
	if p.launch == "" || p.serving.healthy {
		p.launch = p.serving.launch
	}
}

// shrink takes away the places above the size, all of them when the pool stops.
func (m *Machine) shrink(now time.Time) {
	size := m.size()
	for len(m.places) > size {
		p := m.places[len(m.places)-1]
		m.places = m.places[:len(m.places)-1]
		p.quarantine(m, "")
		m.drain(now, p.serving)
		m.drain(now, p.next)
	}
}

func (m *Machine) size() int {
	if m.stopping {
		return 0
	}
	return m.target.Size
}

// clearForRecreate drains every worker of another launch hash at once.
func (m *Machine) clearForRecreate(now time.Time) {
	if m.target.Spec.Update.Strategy != pool.StrategyRecreate {
		return
	}
	for _, p := range m.places {
		if !m.moves(p) {
			continue
		}
		if p.serving != nil && p.serving.launch != m.target.Launch {
			m.drain(now, p.serving)
			p.serving = nil
		}
		if p.next != nil && p.next.launch != m.target.Launch {
			m.drain(now, p.next)
			p.next = nil
		}
	}
}

// fill starts a worker in each place that has none.
func (m *Machine) fill(now time.Time) {
	if m.size() > 0 {
		m.place(m.size() - 1)
		m.keepOne()
	}
	if m.awaitsRecreate() {
		return
	}
	for _, p := range m.places {
		// A place whose replacement is on its way is filled by that one.
		if p.serving != nil || p.next != nil || p.quarantined != "" || now.Before(p.notBefore) {
			continue
		}
		if !m.mayStart() {
			return
		}
		if p.launch == "" {
			p.launch = m.holds()
		}
		p.serving, p.recycle = m.start(now, p, m.launchFor(p)), false
	}
}

// keepOne gives the first place another start when a shrink has left none but
// quarantined ones.
func (m *Machine) keepOne() {
	for _, p := range m.places {
		if p.quarantined == "" {
			return
		}
	}
	m.places[0].quarantine(m, "")
}

// awaitsRecreate reports whether workers of another launch hash are still leaving
// and the strategy wants them gone before anything starts.
func (m *Machine) awaitsRecreate() bool {
	if !m.moves(nil) || m.target.Spec.Update.Strategy != pool.StrategyRecreate {
		return false
	}
	for _, w := range m.workers {
		if w.launch != m.target.Launch {
			return true
		}
	}
	return false
}

// mayStart reports whether startup.parallelism allows one more start.
func (m *Machine) mayStart() bool {
	starting := 0
	for _, w := range m.workers {
		switch w.state {
		case pool.WorkerStarting, pool.WorkerHandshaking, pool.WorkerInitializing:
			starting++
		default:
		}
	}
	return starting < m.target.Spec.Startup.Parallelism
}

// replace starts replacements of another launch hash, surge at a time, and, where max_unavailable
// allows it, drains workers before theirs are there.
func (m *Machine) replace(now time.Time) {
	update, size := m.target.Spec.Update, m.size()
	surge, most := update.Surge.Of(size), update.MaxUnavailable.Of(size)
	surging, unavailable, moving := 0, 0, 0
	for _, p := range m.places {
		if p.next != nil && p.next.launch != p.launch {
			surging++
		}
		if p.serving == nil || p.serving.state != pool.WorkerReady || !p.serving.healthy && p.serving.launch == m.target.Launch && m.rolling() {
			unavailable++
		}
		if p.changing(m.target.Launch) {
			moving++
		}
	}
	for _, p := range m.places {
		if !m.wantsReplacement(p) || !m.outdated(p) {
			continue
		}
		if moving >= update.Batch(size) {
			return
		}
		switch {
		case surging < surge && m.mayStart() && !now.Before(p.notBefore):
			p.next = m.start(now, p, m.launchFor(p))
			surging++
			moving++
		case unavailable < most:
			m.drain(now, p.serving)
			p.serving = nil
			unavailable++
			moving++
		}
	}
}

// changing reports whether a place is on its way to a launch hash.
func (p *place) changing(launch string) bool {
	return p.launch != launch && (p.next != nil && p.next.launch == launch || p.serving != nil && p.serving.launch == launch)
}

func (m *Machine) wantsReplacement(p *place) bool {
	if p.serving == nil || p.next != nil || p.serving.state != pool.WorkerReady {
		return false
	}
	return p.recycle || p.serving.automatic() || m.outdated(p)
}

// outdated reports whether a roll has to replace the worker that serves p.
func (m *Machine) outdated(p *place) bool {
	return m.moves(p) && p.serving.launch != m.target.Launch
}
