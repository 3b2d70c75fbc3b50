package supervisor

import (
	"fmt"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

// resumption is what a supervisor does, when it starts, about what a former one left: an
// operation that it could not finish, or a revision that missed its goal.
type resumption struct {
	sup      *Supervisor
	revision uint64
	// halt is why rolls stay where they are, revert why they go back; empty otherwise.
	halt, revert string
	// journal is the unfinished operation; nil for none.
	journal *state.Operation
	// fallbacks are what the pools go back to, by address.
	fallbacks map[string]launch
}

// resumption decides it: settings.on_boot says what becomes of an operation.
func (s *Supervisor) resumption(desired *pool.Desired, number uint64) (*resumption, error) {
	st := s.keeper.store
	rev, err := st.GetRevision(number)
	if err != nil {
		return nil, err
	}
	plan := &resumption{sup: s, revision: number, fallbacks: map[string]launch{}}
	if rev.Status == pool.RevisionFailed || rev.Status == pool.RevisionPartial {
		plan.halt = fmt.Sprintf("revision %d did not reach its goal; snakectl apply goes on from there", number)
	}
	pending, err := st.PendingOperations()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(pending, func(o state.Operation) bool { return o.Revision == number })
	if i < 0 {
		return plan, nil
	}
	plan.journal = &pending[i]
	history, err := st.History(0)
	if err != nil {
		return nil, err
	}
	for i := range desired.Pools {
		spec := &desired.Pools[i]
		hash := pool.LaunchHash(spec, desired.Runtimes[spec.Runtime])
		plan.fallbacks[spec.Address()] = newestStable(history, spec.Address(), hash)
	}
	switch s.settings.Load().OnBoot {
	case pool.OnBootHold:
		plan.halt = "the supervisor ended during a roll (settings.on_boot = \"hold\"); snakectl apply goes on from there"
	case pool.OnBootRevert:
		plan.revert = "the supervisor ended during the roll (settings.on_boot = \"revert\")"
	}
	return plan, nil
}

// configure returns what a pool is told when the supervisor starts.
func (p *resumption) configure(spec *pool.Pool, l launch, size int) configure {
	c := configure{launch: l, size: size, halt: p.halt}
	if p.journal == nil {
		return c
	}
	c.fallback, c.revert = p.fallbacks[spec.Address()], p.revert
	for _, step := range p.journal.Steps {
		if step.Address != spec.Address() {
			continue
		}
		switch step.Phase {
		case pool.RolloutReverting, pool.RolloutReverted:
			c.revert = step.Reason
		case pool.RolloutRolling, pool.RolloutPaused:
			c.promoted = true
		case pool.RolloutHeld:
			c.halt = step.Reason
		case pool.RolloutNone, pool.RolloutCanary, pool.RolloutCanaryPaused, pool.RolloutWaiting:
		}
	}
	if c.fallback.hash == "" {
		c.revert = ""
	}
	return c
}

// resume follows an operation that a former supervisor could not finish, and finishes its
// revision when every pool has settled.
func (s *Supervisor) resume(desired *pool.Desired, plan *resumption) {
	if plan.journal == nil {
		return
	}
	op := newOperation(plan.journal.By)
	if s.operations.begin(op) != nil {
		return
	}
	s.log.Info("resuming an apply", "operation", plan.journal.ID, "revision", plan.revision)
	a := &application{sup: s, op: op, journal: plan.journal.ID, desired: *desired, revision: plan.revision}
	a.out.Revision = plan.revision
	s.loops.Go(func() {
		defer s.operations.end(op)
		if a.finishResumed(plan) {
			op.complete(a.finish())
		}
	})
}

// finishResumed waits for every pool; it reports false when the next supervisor has to.
func (a *application) finishResumed(plan *resumption) bool {
	for _, r := range a.sup.table.all() {
		spec := a.desired.Pool(r.addr())
		if spec == nil {
			continue
		}
		begun := time.Now()
		f := a.newFollower(r.addr())
		r.send(attend{follow: f.see})
		how := a.follow(f, r, spec, plan.fallbacks[r.addr()])
		if how.reason != "" && a.sup.isDetached() {
			return false
		}
		a.ended(r.addr(), how, "resume", begun)
	}
	return true
}
