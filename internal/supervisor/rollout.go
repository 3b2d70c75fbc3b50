package supervisor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

// fallbackFor returns what a pool goes back to when a roll to a launch hash fails: what
// the newest stable revision with another launch hash has there. Its hash is empty where
// there is none.
func (s *Supervisor) fallbackFor(addr, hash string) launch {
	var revisions []pool.Revision
	err := s.keeper.now(func(st store) (err error) {
		revisions, err = st.History(0)
		return err
	})
	if err != nil {
		s.log.Warn("cannot look for a revision to revert to", "pool", addr, "err", err)
	}
	return newestStable(revisions, addr, hash)
}

// newestStable looks through revisions, newest first.
func newestStable(revisions []pool.Revision, addr, hash string) launch {
	for i := range revisions {
		rev := &revisions[i]
		spec := rev.Desired.Pool(addr)
		if rev.Status != pool.RevisionStable || spec == nil {
			continue
		}
		rt := rev.Desired.Runtimes[spec.Runtime]
		if l := (launch{hash: pool.LaunchHash(spec, rt), revision: rev.Number, spec: *spec, runtime: rt}); l.hash != hash {
			return l
		}
	}
	return launch{}
}

// reverting takes up that the machine goes back to its fallback. It runs in the pool
// loop.
func (r *runner) reverting(c lifecycle.Revert) {
	l := r.launches[c.Launch]
	r.log().Warn("a roll failed and is reverted", "reason", c.Reason, "revision", l.revision)
	r.takeUp(l, l.spec.Size)
	r.relimit()
}

// reverted is a pool that went back, and what it runs again.
type reverted struct {
	addr, reason string
	to           launch
}

// supersede makes the revision that says what runs after reverts: that of the operation
// with the reverted pools as they were.
func (a *application) supersede(status pool.RevisionStatus) state.Supersession {
	slices.SortFunc(a.reverts, func(x, y reverted) int { return cmp.Compare(x.addr, y.addr) })
	desired := a.desired
	desired.Pools = slices.Clone(desired.Pools)
	desired.Runtimes = cloneRuntimes(desired.Runtimes)
	message := make([]string, 0, len(a.reverts))
	for _, v := range a.reverts {
		spec := v.to.spec
		spec.Runtime = keepRuntime(&desired, v)
		for i := range desired.Pools {
			if desired.Pools[i].Address() == v.addr {
				desired.Pools[i] = spec
			}
		}
		message = append(message, fmt.Sprintf("%s reverted to revision %d: %s", v.addr, v.to.revision, v.reason))
	}
	return state.Supersession{
		Number: a.revision, Op: a.journal, Outcome: a.out, Desired: desired, Message: strings.Join(message, "; "), Status: status, By: a.op.By,
	}
}

func cloneRuntimes(in map[string]pool.Runtime) map[string]pool.Runtime {
	out := make(map[string]pool.Runtime, len(in))
	maps.Copy(out, in)
	return out
}

// keepRuntime has desired name the runtime of a reverted pool. Where another pool
// goes on with the new runtime of that name, the former one is kept beside it.
func keepRuntime(desired *pool.Desired, v reverted) string {
	name := v.to.spec.Runtime
	if now, ok := desired.Runtimes[name]; ok && now.Fingerprint != v.to.runtime.Fingerprint {
		for i := range desired.Pools {
			if p := &desired.Pools[i]; p.Runtime == name && p.Address() != v.addr {
				name = pool.PinRuntime(name, v.to.revision)
				break
			}
		}
	}
	desired.Runtimes[name] = v.to.runtime
	return name
}

// Rollout returns the rollout of a pool.
func (s *Supervisor) Rollout(name string) (string, pool.Rollout, error) {
	r, err := s.find(name)
	if err != nil {
		return "", pool.Rollout{}, err
	}
	var now pool.Rollout
	if !r.read(func(r *runner) { now = r.machine.View().Rollout }) {
		return "", pool.Rollout{}, errStopping
	}
	return r.addr(), now, nil
}

// SteerRollout carries out what an operator wants of the rollout of a pool: pause,
// resume, abort or promote. What its phase does not allow is an error.
func (s *Supervisor) SteerRollout(name, order, by string) (string, pool.Rollout, error) {
	event, known := map[string]pool.RolloutEvent{
		"pause": pool.RolloutPause, "resume": pool.RolloutResume, "promote": pool.RolloutPromote, "abort": pool.RolloutRevert,
	}[order]
	if !known {
		return "", pool.Rollout{}, pool.NewCallError(pool.CategoryInvalidArgument, "a rollout takes pause, resume, promote and abort, not %q", order)
	}
	r, err := s.find(name)
	if err != nil {
		return "", pool.Rollout{}, err
	}
	var now pool.Rollout
	var refused error
	steer := func(r *runner) {
		now = r.machine.View().Rollout
		if _, err := now.Phase.Next(event); err != nil {
			refused = refuseSteer(r.addr(), order, now)
			return
		}
		reason := map[string]string{"pause": "paused", "resume": "resumed", "promote": "promoted", "abort": "aborted"}[order]
		r.step(lifecycle.Steer{Order: event, Reason: reason + " by " + cmp.Or(by, "somebody")})
		now = r.machine.View().Rollout
	}
	if !r.read(steer) {
		return "", now, errStopping
	}
	if refused == nil {
		s.log.Info("steered a rollout", "pool", r.addr(), "order", order, "by", by)
	}
	return r.addr(), now, refused
}

// refuseSteer says why a rollout cannot take an order, and what it can.
func refuseSteer(addr, order string, now pool.Rollout) error {
	err := pool.NewCallError(pool.CategoryInvalidArgument, "cannot %s the rollout of %s: it is %s", order, addr, now.Phase)
	switch now.Phase {
	case pool.RolloutNone, pool.RolloutReverted:
		err.Message = fmt.Sprintf("cannot %s the rollout of %s: nothing is being rolled there", order, addr)
	case pool.RolloutHeld:
		err.Hint = "it goes on with the next snakectl apply"
	case pool.RolloutWaiting:
		err.Hint = "its canaries wait for: snakectl rollout promote " + addr + ", or abort"
	case pool.RolloutCanary:
		err.Hint = "its canaries are not healthy yet; snakectl rollout status " + addr + " shows when they are"
	case pool.RolloutPaused, pool.RolloutCanaryPaused:
		err.Hint = "it goes on with: snakectl rollout resume " + addr
	case pool.RolloutRolling, pool.RolloutReverting:
	}
	return err
}
