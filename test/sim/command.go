package sim

import (
	"fmt"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// carryOut does one command and returns the event that comes of it at once. It is
// where the oracle looks at commands.
func (r *runner) carryOut(c lifecycle.Command) lifecycle.Event {
	w := r.s.w
	w.stats.Commands++
	if w.trace != nil {
		w.note("%s  -> %s", r.addr, describeCommand(c))
	}
	switch c := c.(type) {
	case lifecycle.Start:
		return r.start(c)
	case lifecycle.Admit:
		if e := r.named(c.Worker, "Admit"); e != nil {
			e.admitted = true
			e.slot.admit()
		}
	case lifecycle.Drain:
		if e := r.named(c.Worker, "Drain"); e != nil {
			e.leaving = true
			e.slot.withdraw()
			r.record(e, pool.WorkerDraining)
		}
	case lifecycle.Signal:
		if e := r.named(c.Worker, "Signal"); e != nil {
			e.leaving = true
			e.slot.withdraw()
			r.record(e, pool.WorkerStopping)
			e.p.signal()
		}
	case lifecycle.Kill:
		if e := r.named(c.Worker, "Kill"); e != nil {
			w.stats.Kills++
			if w.calm {
				w.violate(InvariantCapacity, "%s: %s is killed in a history without faults: %s", r.addr, c.Worker, c.Reason)
			}
			e.leaving = true
			e.p.kill()
		}
	case lifecycle.Quarantine:
		r.quarantine(c)
	case lifecycle.AskUse:
		if e := r.named(c.Worker, "AskUse"); e != nil {
			return lifecycle.Used{Worker: c.Worker, At: e.slot.lastUsed()}
		}
	case lifecycle.Dump:
		r.named(c.Worker, "Dump")
	case lifecycle.Recycled:
		r.recycled(c)
	case lifecycle.Tell:
	}
	return nil
}

// named returns the worker that a command speaks of. The supervisor must know it:
// its process may have ended, but then the pool has not heard of it.
func (r *runner) named(id, command string) *entry {
	e := r.workers.find(id)
	if e == nil || e.trial != nil {
		r.s.w.violate(InvariantTarget, "%s: %s names %s, which is gone", r.addr, command, id)
		return nil
	}
	return e
}

func (r *runner) quarantine(c lifecycle.Quarantine) {
	if c.Message != "" {
		r.s.w.stats.Quarantines++
		if r.allQuarantined() {
			r.s.w.violate(InvariantPlaces, "%s: every place is quarantined", r.addr)
		}
	}
	key := placeKey{r.addr, c.Place}
	r.s.keeper.later(func(d *disk) { d.setQuarantine(key, c.Message) })
}

func (r *runner) allQuarantined() bool {
	for _, p := range r.m.View().Places {
		if p.Quarantined == "" && p.Index < r.size {
			return false
		}
	}
	return true
}

// start starts a worker for the machine.
func (r *runner) start(c lifecycle.Start) lifecycle.Event {
	w := r.s.w
	l := r.launches[c.Launch]
	if l == nil {
		w.violate(InvariantLaunch, "%s: %s is started with the unknown launch hash %.8s", r.addr, c.Worker, c.Launch)
		return lifecycle.Happened{Worker: c.Worker, Event: pool.WorkerExit, Reason: "cannot start"}
	}
	if r.workers.find(c.Worker) != nil {
		w.violate(InvariantTarget, "%s: Start names %s, which lives", r.addr, c.Worker)
	}
	if c.Place >= r.size && !r.ending || r.ending {
		w.violate(InvariantPlaces, "%s: a worker is started in place %d of %d", r.addr, c.Place, r.size)
	}
	r.checkStart(c)
	r.checkRecycling()
	if w.fault(2) {
		return lifecycle.Happened{Worker: c.Worker, Event: pool.WorkerExit, Reason: "cannot start: no memory"}
	}
	r.adopt(w.spawn(r.s, r.addr, c.Place, c.Worker, l), l, pool.WorkerHandshaking, nil)
	return lifecycle.Happened{Worker: c.Worker, Event: pool.WorkerSpawned}
}

// checkStart holds a start against the pool's policy.
func (r *runner) checkStart(c lifecycle.Start) {
	replacements, starting := 0, 1
	for _, e := range r.workers {
		if e.trial != nil || e.leaving {
			continue
		}
		if !e.answered {
			starting++
		}
		if e.p.place != c.Place || e.p.id == c.Worker {
			continue
		}
		replacements++
	}
	if starting > r.spec.Startup.Parallelism {
		r.s.w.violate(InvariantPlaces, "%s: %d workers would be starting, startup.parallelism is %d", r.addr, starting, r.spec.Startup.Parallelism)
	}
	if replacements > 1 {
		r.s.w.violate(InvariantPlaces, "%s/%d has %d workers and gets another", r.addr, c.Place, replacements)
	}
	if r.halt != "" || r.spec.Update.Strategy != pool.StrategyRecreate || c.Launch != r.target.hash {
		return
	}
	for _, e := range r.workers {
		if e.trial == nil && e.p.launch != c.Launch && r.m.View().Halt == "" {
			r.s.w.violate(InvariantPlaces, "%s: %s starts beside %s of another launch hash, against recreate", r.addr, c.Worker, e.rec.id)
		}
	}
}

// adopt makes a process one of the pool's workers.
func (r *runner) adopt(p *process, l *launch, state pool.WorkerState, t *trial) *entry {
	e := &entry{r: r, p: p, trial: t, rec: record{
		addr: r.addr, place: p.place, id: p.id, pid: p.pid, state: state, launch: l, started: r.s.w.now,
	}}
	e.slot, e.since = r.d.addSlot(p), r.s.w.now
	r.workers = append(r.workers, e)
	r.s.directory[p.id] = e
	if t == nil {
		r.s.keeper.putWorker(e.rec)
	}
	return e
}

func describeEvent(e lifecycle.Event) string {
	switch e := e.(type) {
	case lifecycle.Happened:
		text := fmt.Sprintf("%s %s", e.Worker, e.Event)
		if e.Reason != "" {
			text += fmt.Sprintf(" (%s, during a call: %t)", e.Reason, e.DuringCall)
		}
		return text
	case lifecycle.Configure:
		return fmt.Sprintf("configure size %d launch %.8s strategy %s surge %d max_unavailable %d min_healthy %s halt %q repair %t ready %q",
			e.Target.Size, e.Target.Launch, e.Target.Spec.Update.Strategy, e.Target.Spec.Update.Surge, e.Target.Spec.Update.MaxUnavailable,
			time.Duration(e.Target.Spec.Update.MinHealthyTime), e.Halt, e.Repair, e.Ready)
	default:
		return fmt.Sprintf("%T%+v", e, e)
	}
}

func describeCommand(c lifecycle.Command) string {
	if s, ok := c.(lifecycle.Start); ok {
		return fmt.Sprintf("Start %s in %d with %.8s", s.Worker, s.Place, s.Launch)
	}
	return fmt.Sprintf("%T%+v", c, c)
}
