package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// patience bounds what has to happen by itself once faults stop: the operation
// that goes on, backoffs, kills.
const patience = 2 * time.Minute

// settle ends the faults and looks whether everything finds its way.
func (w *world) settle() {
	w.faults, w.quiet = false, true
	w.note("faults end")
	for _, p := range slices.Clone(w.processes) {
		if p.frozen {
			p.die("was killed by SIGKILL")
		}
	}
	quiet := func() bool { return w.sup != nil && !w.sup.closing && w.sup.op == nil && len(w.waiting) == 0 }
	if !w.runUntil(patience, quiet) {
		w.violate(InvariantConverge, "after %s an operation goes on, or calls wait: %v", patience, w.unanswered())
	}
	w.run(time.Second) // what was to be recorded is
	if w.broken == nil {
		w.resumeAll()
	}
	w.run(20 * time.Second)
	if w.broken != nil {
		return
	}
	w.heal()
	desired := w.mend()
	w.converge(desired)
	w.inspect(desired)
	w.converge(pool.Desired{Runtimes: runtimes, Settings: desired.Settings})
	w.gone()
}

// heal looks at pools that nobody touched for a while: those whose adapter works
// are complete, but for quarantined places and rolls that were stopped. A
// quarantined place may hold a roll up: it is unavailable already.
func (w *world) heal() {
	for _, addr := range addresses {
		r := w.sup.runners[addr]
		if r == nil || traitOf(r.spec) != traitGood || r.m.View().Halt != "" {
			continue
		}
		r.checkAges()
		places := r.m.View().Places
		held := slices.ContainsFunc(places, func(p lifecycle.PlaceView) bool { return p.Quarantined != "" })
		for _, p := range places {
			outdated := p.Serving.Launch != r.target.hash && !held
			if p.Quarantined == "" && (p.Serving.State != pool.WorkerReady || outdated) {
				w.violate(InvariantConverge, "%s/%d did not heal by itself: %+v", addr, p.Index, p)
			}
		}
	}
}

// mend draws a configuration that can run, and in which nothing is recycled: what
// comes and goes all the time cannot be counted.
func (w *world) mend() pool.Desired {
	desired := w.change(w.sup.desired)
	for i := range desired.Pools {
		if p := &desired.Pools[i]; traitOf(p) != traitGood {
			p.Adapter = "./one.py"
		}
		desired.Pools[i].Lifecycle = pool.Lifecycle{MaxRecycling: 1}
	}
	return desired
}

// converge applies a configuration and wants it there.
func (w *world) converge(desired pool.Desired) {
	if w.broken != nil {
		return
	}
	op := w.sup.apply(desired, nil)
	w.runUntil(patience, func() bool { return op.result != "" })
	if op.result != pool.ResultConverged && op.result != pool.ResultUnchanged {
		w.violate(InvariantConverge, "an apply without faults ended with %q", op.result)
	}
	if plan := w.sup.plan(desired); !plan.Empty() || len(plan.Drift) > 0 {
		w.violate(InvariantConverge, "the plan after an apply is not empty: %s, drift %+v", summary(plan), plan.Drift)
	}
	w.run(10 * time.Second)
}

// inspect compares processes, pools, books and disk with one another.
func (w *world) inspect(desired pool.Desired) {
	if w.broken != nil {
		return
	}
	want := 0
	for i := range desired.Pools {
		want += desired.Pools[i].Size
		w.inspectPool(&desired.Pools[i])
	}
	if len(w.processes) != want {
		w.violate(InvariantLeak, "%d processes live, want %d: %v", len(w.processes), want, w.living())
	}
	d := &w.disk
	w.sup.forgetUnaccepted(d) // as the next boot does
	if len(d.workers) != want || len(d.quarantined)+len(d.overrides)+len(d.pending)+len(d.paused) > 0 || d.status == pool.RevisionInProgress {
		w.violate(InvariantDisk, "%d workers on disk, want %d; quarantined %v, overrides %v, pending %v, status %s",
			len(d.workers), want, d.quarantined, d.overrides, d.pending, d.status)
	}
	for _, p := range w.processes {
		if rec := d.workers[p.id]; rec.pid != p.pid || rec.state != pool.WorkerReady || rec.launch.hash != p.launch {
			w.violate(InvariantDisk, "%s pid %d is recorded as %+v", p.name(), p.pid, rec)
		}
	}
}

func (w *world) inspectPool(spec *pool.Pool) {
	r := w.sup.runners[spec.Address()]
	if r == nil {
		w.violate(InvariantConverge, "%s does not run", spec.Address())
		return
	}
	view := r.m.View()
	if r.serving(spec.Size) != spec.Size || len(r.workers) != spec.Size || len(view.Leaving) > 0 {
		w.violate(InvariantConverge, "%s: %d of %d places served by %d workers", r.addr, r.serving(spec.Size), spec.Size, len(r.workers))
	}
	for _, p := range view.Places {
		if p.Serving.Launch != launchHash(spec) || p.Launch != p.Serving.Launch || p.Next.ID != "" || p.Quarantined != "" {
			w.violate(InvariantConverge, "%s/%d is %+v", r.addr, p.Index, p)
		}
	}
	if len(r.d.idle) != spec.Size || len(r.d.slots) != spec.Size {
		w.violate(InvariantCounters, "%s: %d of %d slots are idle, want %d", r.addr, len(r.d.idle), len(r.d.slots), spec.Size)
	}
	if view.Restarts != r.restarts {
		w.violate(InvariantCounters, "%s counts %d restarts, %d workers died in their places", r.addr, view.Restarts, r.restarts)
	}
	if w.calm && r.d.lost > 0 {
		w.violate(InvariantAnswered, "%s lost %d calls in a history without faults", r.addr, r.d.lost)
	}
	r.d.checkCounters()
}

// gone looks that nothing is left once every pool was destroyed.
func (w *world) gone() {
	if w.broken != nil {
		return
	}
	if len(w.processes)+len(w.disk.workers)+len(w.waiting) > 0 {
		w.violate(InvariantLeak, "after everything was destroyed: processes %v, %d records, %d calls",
			w.living(), len(w.disk.workers), len(w.waiting))
	}
}

func (w *world) living() []string {
	var out []string
	for _, p := range w.processes {
		out = append(out, p.name())
	}
	return out
}

// unanswered names the calls that wait for an answer.
func (w *world) unanswered() []string {
	var out []string
	for c := range w.waiting {
		out = append(out, fmt.Sprintf("%s of %s, sent at %s", c, c.addr, c.sentAt))
	}
	slices.Sort(out)
	return out
}
