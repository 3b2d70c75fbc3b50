package lifecycle

import (
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// View is the machine as a status sees it. It shares nothing with the machine.
type View struct {
	Size     int
	Restarts int
	Recycles int
	// Halt is why a roll stopped half way, empty otherwise.
	Halt    string
	Rollout pool.Rollout
	Places  []PlaceView
	// Leaving holds workers that serve no place any more.
	Leaving []WorkerView
}

// PlaceView is one place.
type PlaceView struct {
	Index  int
	Launch string
	// Serving and Next have an empty ID when there is no such worker.
	Serving, Next WorkerView
	Quarantined   string
	// LastDeath says how the last worker of the place died, NotBefore when the
	// place is filled again if it is empty.
	LastDeath string
	NotBefore time.Time
}

// WorkerView is one worker.
type WorkerView struct {
	ID     string
	Place  int
	Launch string
	State  pool.WorkerState
}

// View returns the machine's present state.
func (m *Machine) View() View {
	v := View{Size: m.size(), Restarts: m.restarts, Recycles: m.recycles, Rollout: m.rolloutView()}
	if m.held() {
		v.Halt = m.rollout.reason
	}
	held := map[*worker]bool{}
	for _, p := range m.places {
		v.Places = append(v.Places, PlaceView{
			Index: p.index, Launch: p.launch, Serving: p.serving.view(), Next: p.next.view(),
			Quarantined: p.quarantined, LastDeath: p.lastDeath, NotBefore: p.notBefore,
		})
		held[p.serving], held[p.next] = true, true
	}
	for _, w := range m.sortedWorkers() {
		if !held[w] {
			v.Leaving = append(v.Leaving, w.view())
		}
	}
	return v
}

// Observed returns the places as a planner compares them with a configuration.
func (v *View) Observed() []pool.ObservedPlace {
	places := []pool.ObservedPlace{}
	for _, p := range v.Places {
		o := pool.ObservedPlace{Place: p.Index, State: p.Serving.State, Incarnation: p.Serving.ID, LaunchHash: p.Launch}
		switch {
		case p.Quarantined != "":
			o.State, o.Message = pool.WorkerQuarantined, p.Quarantined
		case p.Serving.ID == "":
			o.State = pool.WorkerExited
		}
		places = append(places, o)
	}
	return places
}

// Readiness returns how many workers are ready and how many there should be.
func (m *Machine) Readiness() (ready, size int) {
	for _, w := range m.workers {
		if w.state == pool.WorkerReady {
			ready++
		}
	}
	return ready, m.size()
}

func (w *worker) view() WorkerView {
	if w == nil {
		return WorkerView{}
	}
	return WorkerView{ID: w.id, Place: w.place, Launch: w.launch, State: w.state}
}

// Progress says how far the pool is from its target.
type Progress struct {
	// Settled: nothing is left to do, every place is filled with the target's
	// launch hash, healthy where it was rolled, and nobody is leaving. Recycling that
	// nobody asked for goes on all the time and does not count.
	Settled bool
	// Failed is why the operation cannot reach its target, empty while it can.
	Failed string
	// Done and Total count places that hold what they should.
	Done, Total int
	// Alive counts processes.
	Alive int
	// Recycling counts places whose worker is still to be recycled by hand, Leaving
	// the workers that were replaced or taken away and are not gone yet.
	Recycling, Leaving int
	Rollout            pool.Rollout
}

// Progress returns how far the pool is from its target.
func (m *Machine) Progress() Progress {
	p := Progress{Failed: m.failure, Total: m.size(), Alive: len(m.workers), Rollout: m.rolloutView()}
	held := map[*worker]bool{}
	for _, pl := range m.places {
		held[pl.serving], held[pl.next] = true, true
		if pl.reached(m.target.Launch) {
			p.Done++
		}
		if pl.recycle {
			p.Recycling++
		}
		if pl.quarantined != "" && p.Failed == "" {
			p.Failed = pool.WorkerAddress(m.target.Spec.Address(), pl.index) + " is quarantined: " + pl.quarantined
		}
	}
	for _, w := range m.workers {
		if !held[w] && !w.automatic() {
			p.Leaving++
		}
	}
	p.Settled = p.Done == p.Total && p.Leaving == 0 && len(m.places) == p.Total && !m.rollout.phase.Still()
	return p
}

// reached reports whether a ready worker of that launch hash, which is healthy
// where it was rolled, serves the place and nothing is to replace it.
func (p *place) reached(launch string) bool {
	return p.serving != nil && p.serving.state == pool.WorkerReady && p.serving.launch == launch && p.launch == launch &&
		(p.next == nil || p.serving.automatic() && p.next.launch == launch) && !p.recycle
}

// NextWake returns when the machine wants its next Tick, the zero time for never.
// It is later than the last Step, which has looked at everything up to its own
// time, but it may lie in the past of the caller's clock: then the Tick is due.
// One Tick settles a wake, so that the caller never spins.
func (m *Machine) NextWake() time.Time {
	var next time.Time
	if !m.configured && !m.stopping {
		return next
	}
	sooner := func(t time.Time) {
		if t.After(m.stepped) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, w := range m.workers {
		if t, ok := m.deadline(w); ok {
			sooner(t)
		}
	}
	m.soonest(sooner)
	if t, ok := m.progressLimit(); ok {
		sooner(t)
	}
	for _, p := range m.places {
		if p.serving == nil && p.quarantined == "" {
			sooner(p.notBefore)
		}
		if p.serving != nil && p.next == nil && m.wantsReplacement(p) {
			sooner(p.notBefore)
		}
		for _, w := range []*worker{p.serving, p.next} {
			if w != nil && w.state == pool.WorkerReady && !w.healthy {
				sooner(m.healthyAt(p, w))
			}
		}
	}
	return next
}
