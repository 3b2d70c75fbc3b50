package lifecycle

import (
	"fmt"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// rollout is the way of a pool to another launch hash. Its phase changes in turn alone.
type rollout struct {
	phase pool.RolloutPhase
	since time.Time
	// reason says why it is in that phase, where somebody or something made it so.
	reason string
	// fallback is where a revert goes; its Launch is empty where there is nothing.
	fallback Target
	failures int
	// progressed is when done, the places that hold the target, last changed.
	progressed time.Time
	done       int
	// canaries are the places that change first, while they are alone.
	canaries map[*place]bool
}

// turn moves the rollout to another phase and tells of it.
func (m *Machine) turn(now time.Time, e pool.RolloutEvent, reason string) {
	next, err := m.rollout.phase.Next(e)
	if err != nil {
		panic("internal error: " + err.Error()) // callers look at the phase first
	}
	r := &m.rollout
	r.phase, r.since, r.progressed, r.reason = next, now, now, reason
	if kind := toldOf(e, next); kind != "" {
		m.emit(Tell{Type: kind, Text: reason})
	}
}

// toldOf returns the type of event that tells of a turn, "" for none.
func toldOf(e pool.RolloutEvent, next pool.RolloutPhase) string {
	switch e {
	case pool.RolloutProved:
		return pool.EventCanaryWaiting
	case pool.RolloutPromote:
		return pool.EventCanaryPromoted
	case pool.RolloutPause, pool.RolloutHold:
		return pool.EventRolloutPaused
	case pool.RolloutResume:
		return pool.EventRolloutResumed
	case pool.RolloutRevert:
		return pool.EventRolloutReverting
	case pool.RolloutSettle:
		if next == pool.RolloutReverted {
			return pool.EventRolloutReverted
		}
		return pool.EventRolloutComplete
	case pool.RolloutBegin, pool.RolloutBeginCanary, pool.RolloutForget:
	}
	return ""
}

// held reports whether a rollout stopped half way: workers of another launch hash stay
// as they are.
func (m *Machine) held() bool { return m.rollout.phase == pool.RolloutHeld }

// begin takes up the rollout that a new target asks for.
func (m *Machine) begin(now time.Time, e Configure) {
	m.rollout = rollout{fallback: e.Fallback}
	switch {
	case e.Halt != "":
		m.turn(now, pool.RolloutHold, e.Halt)
		m.failure = e.Halt
	case !m.rolling():
	case !e.Promoted && m.target.Spec.Update.Canaries(m.size()) > 0:
		m.turn(now, pool.RolloutBeginCanary, "")
	default:
		m.turn(now, pool.RolloutBegin, "")
	}
	if e.Revert != "" && m.rollout.phase.Forward() {
		m.giveUp(now, e.Revert)
	}
}

// advance moves the rollout on by itself: canaries that are healthy, places that have
// all changed, no progress for too long.
func (m *Machine) advance(now time.Time) {
	r := &m.rollout
	m.chooseCanaries()
	done := 0
	for _, p := range m.places {
		if p.reached(m.target.Launch) {
			done++
		}
	}
	if done != r.done {
		r.done, r.progressed = done, now
	}
	if r.phase == pool.RolloutCanary && m.canariesHealthy() {
		m.turn(now, pool.RolloutProved, "")
		if m.target.Spec.Update.AutoPromote {
			m.turn(now, pool.RolloutPromote, "update.auto_promote")
		}
	}
	switch r.phase {
	case pool.RolloutRolling, pool.RolloutPaused, pool.RolloutReverting:
		if !m.rolling() {
			m.turn(now, pool.RolloutSettle, r.reason)
			return
		}
	default:
	}
	if limit, ok := m.progressLimit(); ok && !now.Before(limit) {
		m.giveUp(now, fmt.Sprintf("no progress for %s (update.progress_deadline)", m.target.Spec.Update.ProgressDeadline))
	}
}

// progressLimit returns when a rollout that comes no further fails.
func (m *Machine) progressLimit() (time.Time, bool) {
	limit := m.target.Spec.Update.ProgressDeadline.D()
	return m.rollout.progressed.Add(limit), limit > 0 && m.rollout.phase.Moving()
}

// chooseCanaries picks the places that change first: those that did already, then the
// lowest ones. What a former supervisor began counts, therefore.
func (m *Machine) chooseCanaries() {
	r := &m.rollout
	r.canaries = nil
	switch r.phase {
	case pool.RolloutCanary, pool.RolloutCanaryPaused, pool.RolloutWaiting:
	default:
		return
	}
	r.canaries = map[*place]bool{}
	most := m.target.Spec.Update.Canaries(m.size())
	for _, begun := range []bool{true, false} {
		for _, p := range m.places {
			if len(r.canaries) < most && p.index < m.size() && p.begun(m.target.Launch) == begun {
				r.canaries[p] = true
			}
		}
	}
}

// begun reports whether a place holds the launch hash, or has a worker of it.
func (p *place) begun(launch string) bool {
	return p.launch == launch || p.serving != nil && p.serving.launch == launch || p.next != nil && p.next.launch == launch
}

func (m *Machine) canariesHealthy() bool {
	for p := range m.rollout.canaries {
		if !p.reached(m.target.Launch) {
			return false
		}
	}
	return true
}

// moves reports whether a place may change to the target now.
func (m *Machine) moves(p *place) bool {
	switch m.rollout.phase {
	case pool.RolloutHeld, pool.RolloutPaused, pool.RolloutCanaryPaused:
		return false
	case pool.RolloutCanary, pool.RolloutWaiting:
		return m.rollout.canaries[p]
	default:
		return true
	}
}

// fail marks the operation as failed. Of a rollout that is one failure, and
// max_failures of them end it.
func (m *Machine) fail(now time.Time, reason string, rolling bool) {
	if !rolling || m.rollout.phase == pool.RolloutNone {
		m.failure = orElse(m.failure, reason)
		return
	}
	if m.held() || m.rollout.phase == pool.RolloutReverted {
		return
	}
	m.rollout.failures++
	most := max(1, m.target.Spec.Update.MaxFailures)
	if m.rollout.phase.Forward() && m.rollout.failures < most {
		m.emit(Tell{Type: pool.EventRolloutFailure, Text: fmt.Sprintf("failure %d of %d: %s", m.rollout.failures, most, reason)})
		return
	}
	m.giveUp(now, reason)
}

// giveUp ends the way forward: back to where the pool came from, if that is known and
// wanted. From a revert there is no way but to hold.
func (m *Machine) giveUp(now time.Time, reason string) {
	r := &m.rollout
	switch {
	case r.phase == pool.RolloutReverting:
		m.hold(now, fmt.Sprintf("%s; the revert failed, too: %s", r.reason, reason))
	case r.phase.Forward() && m.target.Spec.Update.AutoRevert && r.fallback.Launch != "":
		m.revert(now, reason)
	default:
		m.hold(now, reason)
	}
}

// hold stops the rollout where it is.
func (m *Machine) hold(now time.Time, reason string) {
	m.failure = orElse(m.failure, reason)
	m.turn(now, pool.RolloutHold, reason)
}

// revert makes what the pool came from its target again. Canaries are for the way
// forward: all places go back.
func (m *Machine) revert(now time.Time, reason string) {
	m.turn(now, pool.RolloutRevert, reason)
	m.rearm(now, m.target.Spec.Lifecycle, m.rollout.fallback.Spec.Lifecycle)
	m.target, m.rollout.fallback = m.rollout.fallback, Target{}
	m.rollout.canaries = nil
	m.forgive()
	m.emit(Revert{Launch: m.target.Launch, Reason: reason})
}

// steer carries out what an operator wants of a rollout that goes on.
func (m *Machine) steer(now time.Time, e Steer) {
	phase := m.rollout.phase
	if e.Order == pool.RolloutRevert {
		switch {
		case !phase.Forward():
		case m.rollout.fallback.Launch != "":
			m.revert(now, e.Reason)
		default:
			m.hold(now, e.Reason)
		}
		return
	}
	if _, err := phase.Next(e.Order); err == nil {
		m.turn(now, e.Order, e.Reason)
	}
}

// rolling reports whether a place still holds another launch hash than the target.
func (m *Machine) rolling() bool {
	if m.held() {
		return false
	}
	for _, p := range m.places {
		if p.launch != "" && p.launch != m.target.Launch {
			return true
		}
	}
	return false
}

// launchFor returns what the next worker of a place is started with.
func (m *Machine) launchFor(p *place) string {
	if !m.moves(p) && p.launch != "" {
		return p.launch
	}
	if !m.moves(p) && m.rollout.fallback.Launch != "" {
		return m.rollout.fallback.Launch
	}
	return m.target.Launch
}

// holds returns what an empty place is taken to hold: while a pool changes, a place
// that nothing is known of has to prove the new launch hash like the others.
func (m *Machine) holds() string {
	if m.rollout.phase.Forward() && m.rollout.fallback.Launch != "" {
		return m.rollout.fallback.Launch
	}
	return m.launchFor(&place{})
}

func orElse(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

// view returns the rollout as a status shows it.
func (m *Machine) rolloutView() pool.Rollout {
	r := &m.rollout
	v := pool.Rollout{Phase: r.phase, Reason: r.reason, Since: r.since, Done: r.done, Total: m.size(), Failures: r.failures}
	v.Canaries = len(r.canaries)
	return v
}
