package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// application is one apply on its way.
type application struct {
	s        *supervisor
	op       *operation
	desired  pool.Desired
	plan     planner.Plan
	revision uint64
	trials   map[string]*entry

	done, failed, skipped int
}

// apply begins to carry a configuration out. approved, if not nil, is the plan
// that somebody agreed to.
func (s *supervisor) apply(desired pool.Desired, approved *planner.Plan) *operation {
	op := s.begin()
	if op == nil {
		return nil
	}
	s.w.stats.Applies++
	a := &application{s: s, op: op, desired: desired, trials: map[string]*entry{}}
	a.plan = s.plan(desired)
	if s.w.trace != nil {
		s.w.note("%s applies %s", op.id, summary(a.plan))
	}
	switch {
	case approved != nil && len(planner.Exceeds(a.plan, *approved)) > 0:
		s.end(op, pool.ResultStale)
	case a.plan.Empty():
		s.end(op, pool.ResultUnchanged)
	default:
		a.prepare()
	}
	return op
}

func summary(p planner.Plan) string {
	var text strings.Builder
	fmt.Fprintf(&text, "to revision %d:", p.BaseRevision+1)
	for _, c := range p.Changes {
		fmt.Fprintf(&text, " %s %s %d -> %d %+v;", c.Address, c.Action, c.OldSize, c.Size, c.Workers)
	}
	return text.String()
}

// prepare tries every new launch hash out. When one fails nothing has changed.
func (a *application) prepare() {
	failed := false
	each(a.plan.Changes, func(c planner.Change, done func()) {
		spec := a.desired.Pool(c.Address)
		fresh := c.Action == planner.ActionCreate || c.Action == planner.ActionRoll || c.Action == planner.ActionRecreate
		if spec == nil || !fresh {
			done()
			return
		}
		a.s.runnerFor(spec).preflight(a.op, a.s.launchOf(spec), func(e *entry) {
			if e == nil {
				failed = true
			} else {
				a.trials[c.Address] = e
			}
			done()
		})
	}, func() {
		if failed {
			a.discardTrials(func() { a.s.end(a.op, pool.ResultFailed) })
			return
		}
		a.accept()
	})
}

// discardTrials ends the trial workers and the pools that were made for them.
func (a *application) discardTrials(then func()) {
	each(slices.Sorted(maps.Keys(a.trials)), func(addr string, done func()) {
		e := a.trials[addr]
		delete(a.trials, addr)
		e.r.discard(e, done)
	}, func() {
		a.dropUnaccepted()
		then()
	})
}

// dropUnaccepted ends the pool loops that were made for a trial alone. A pool whose
// destruction was not attempted goes on: the next plan has it.
func (a *application) dropUnaccepted() {
	for _, c := range a.plan.Changes {
		r := a.s.runners[c.Address]
		if c.Action == planner.ActionCreate && r != nil && a.s.desired.Pool(c.Address) == nil {
			delete(a.s.runners, c.Address)
			r.send(func() { r.stop(nil) })
		}
	}
}

// accept makes the configuration the accepted one, in one transaction.
func (a *application) accept() {
	s := a.s
	s.keeper.later(func(d *disk) {
		d.revision++
		desired := a.desired
		d.desired, d.status = &desired, pool.RevisionInProgress
		d.pending[a.op.id] = d.revision
		s.forgetUnaccepted(d)
		for _, addr := range slices.Sorted(maps.Keys(s.runners)) {
			if r := s.runners[addr]; desired.Pool(addr) == nil {
				s.after(0, func() { r.d.hold(s.w.disk.pauseOf(addr)) })
			}
		}
		a.revision, s.revision, s.desired = d.revision, d.revision, &desired
		s.after(0, func() { a.wave(1) })
	})
}

// wave changes the pools of one wave, then those of the next.
func (a *application) wave(number int) {
	var changes []planner.Change
	last := 0
	for _, step := range planner.Steps(a.plan) {
		i := slices.IndexFunc(a.plan.Changes, func(c planner.Change) bool { return c.Address == step.Address })
		if step.Wave == number {
			changes = append(changes, a.plan.Changes[i])
		}
		last = max(last, step.Wave)
	}
	if number > last {
		a.discardTrials(a.finish)
		return
	}
	if a.failed > 0 || a.op.stopped {
		a.skipped += len(changes)
		a.wave(number + 1)
		return
	}
	each(changes, a.change, func() { a.wave(number + 1) })
}

func (a *application) change(c planner.Change, done func()) {
	if a.op.stopped {
		a.skipped++
		done()
		return
	}
	a.changeOne(c, func(reason string) {
		if reason == "" {
			a.done++
		} else {
			a.failed++
			a.s.w.note("%s: %s failed: %s", a.op.id, c.Address, reason)
		}
		done()
	})
}

// changeOne brings one address to its target.
func (a *application) changeOne(c planner.Change, done func(reason string)) {
	s := a.s
	if c.Action == planner.ActionDestroy {
		s.destroy(c.Address, func() { done("") })
		return
	}
	spec := s.desired.Pool(c.Address)
	if spec == nil {
		done("") // settings
		return
	}
	s.forgetOverride(c.Address)
	r := s.runnerFor(spec)
	trial := a.trials[c.Address]
	delete(a.trials, c.Address)
	configure := func() {
		limit := spec.Update.HealthyDeadline.D() + spec.Update.MinHealthyTime.D() + spec.StopGrace.D()
		f := a.op.await(r, limit, done)
		cfg := configuration{launch: s.launchOf(spec), size: spec.Size, ready: trial, repair: len(c.Places) > 0, follow: f.see}
		r.send(func() { r.configure(cfg) })
		s.publish()
	}
	if trial != nil && (c.Size == 0 || c.Action == planner.ActionRecreate) {
		e := trial
		trial = nil
		r.discard(e, configure)
		return
	}
	configure()
}

func (s *supervisor) forgetOverride(addr string) {
	s.keeper.later(func(d *disk) { d.setOverride(addr, nil) })
	s.override(addr, nil)
}

// destroy drains a pool and forgets it. Calls that wait are served first.
func (s *supervisor) destroy(addr string, done func()) {
	s.publish()
	s.forgetOverride(addr)
	r := s.runners[addr]
	if r == nil {
		done()
		return
	}
	r.d.close(func() {
		r.end(func() { s.after(0, done) })
	})
}

// finish ends the revision with what became of it.
func (a *application) finish() {
	status, result := pool.RevisionStable, pool.ResultConverged
	switch {
	case a.op.stopped && a.failed+a.skipped > 0:
		status, result = pool.RevisionPartial, pool.ResultInterrupted
	case a.failed > 0 && a.done == 0:
		status, result = pool.RevisionFailed, pool.ResultMixed
	case a.failed > 0:
		status, result = pool.RevisionPartial, pool.ResultMixed
	}
	a.s.finishRevision(a.op, a.op.id, a.revision, status, result)
}

func (s *supervisor) finishRevision(op *operation, journal string, revision uint64, status pool.RevisionStatus, result string) {
	s.keeper.later(func(d *disk) {
		if d.revision == revision {
			d.status = status
		}
		delete(d.pending, journal)
		if result == pool.ResultConverged {
			s.w.stats.Converged++
		}
		s.end(op, result)
	})
}

// resume follows an apply that a former supervisor could not finish.
func (s *supervisor) resume(journal string) {
	op := s.begin()
	revision := s.revision
	s.w.note("%s resumes %s", op.id, journal)
	status, result := pool.RevisionStable, pool.ResultConverged
	addrs := slices.Sorted(maps.Keys(s.runners))
	var next func()
	next = func() {
		if len(addrs) == 0 {
			s.finishRevision(op, journal, revision, status, result)
			return
		}
		r := s.runners[addrs[0]]
		addrs = addrs[1:]
		if r == nil { // it has ended with the supervisor
			status, result = pool.RevisionPartial, pool.ResultMixed
			next()
			return
		}
		f := op.await(r, r.spec.Update.HealthyDeadline.D()+r.spec.StopGrace.D(), func(reason string) {
			if reason != "" {
				status, result = pool.RevisionPartial, pool.ResultMixed
			}
			next()
		})
		r.send(func() { r.attend(f) })
	}
	next()
}
