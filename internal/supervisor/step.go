package supervisor

import (
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

func (a *application) step(addr string, status state.StepStatus) {
	a.sup.keeper.later(func(st store) error { return st.UpdateStep(a.journal, addr, status) })
}

// changeOne brings one address to its target.
func (a *application) changeOne(c planner.Change) waited {
	if c.Action == planner.ActionDestroy {
		return waited{reason: a.sup.destroy(a.op, c.Address)}
	}
	spec := a.desired.Pool(c.Address)
	if spec == nil {
		return waited{} // settings: taken up when they were accepted
	}
	a.sup.keeper.later(func(st store) error { return st.SetOverride(c.Address, nil) })
	a.sup.table.override(c.Address, nil)
	r, to := a.sup.runnerFor(spec), a.launchOf(spec)
	back := a.sup.fallbackFor(c.Address, to.hash)
	f := a.newFollower(c.Address)
	for _, place := range c.Replaced { // before it is followed: it settles when these are replaced
		r.send(happening{lifecycle.Recycle{Place: place}})
	}
	r.send(configure{launch: to, size: spec.Size, ready: a.trialFor(c), repair: len(c.Places) > 0, follow: f.see, fallback: back})
	a.sup.publish()
	return a.follow(f, r, spec, back)
}

// newFollower returns one that has the phases of the rollout written down.
func (a *application) newFollower(addr string) *follower {
	f := newFollower(a.op, addr)
	f.turned = func(now pool.Rollout) {
		a.sup.keeper.later(func(st store) error { return st.SetPhase(a.journal, addr, now.Phase, now.Reason) })
	}
	return f
}

// follow waits for a pool to reach its target, or to go back. A pool that is already at
// its new size settles at once, so the limit counts from the last progress, not from here.
func (a *application) follow(f *follower, r *runner, spec *pool.Pool, back launch) waited {
	u := spec.Update
	how := f.wait(a.op.stop, r, max(u.ProgressDeadline.D(), u.HealthyDeadline.D()+u.MinHealthyTime.D())+spec.StopGrace.D(), reachesTarget)
	if how.reverted {
		a.mu.Lock()
		a.reverts = append(a.reverts, reverted{f.addr, how.reason, back})
		a.mu.Unlock()
	}
	return how
}

// ended notes how the change of an address went, and tells.
func (a *application) ended(addr string, how waited, action string, begun time.Time) {
	status := state.StepFailed
	a.mu.Lock()
	switch {
	case how.reason == "":
		a.out.Done = append(a.out.Done, addr)
		status = state.StepDone
	case how.reverted:
		a.out.Reverted = append(a.out.Reverted, addr)
	default:
		a.out.Failed = append(a.out.Failed, addr)
	}
	a.mu.Unlock()
	a.step(addr, status)
	if how.reason != "" {
		a.op.emit(pool.EventStepFailed, addr, how.reason, map[string]any{"reason": how.reason, "reverted": how.reverted})
		return
	}
	a.op.emit(pool.EventStepOK, addr, action, map[string]any{"ms": time.Since(begun).Milliseconds()})
}
