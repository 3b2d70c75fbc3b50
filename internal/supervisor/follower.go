package supervisor

import (
	"context"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// follower turns the progress of one pool into the events of an operation and
// lets somebody wait for its end.
type follower struct {
	op      *Operation
	addr    string
	reports chan lifecycle.Progress // holds the newest report only
	last    lifecycle.Progress
	// turned, if not nil, is told of each phase of the pool's rollout. It must not wait.
	turned func(pool.Rollout)
}

func newFollower(op *Operation, addr string) *follower {
	return &follower{op: op, addr: addr, reports: make(chan lifecycle.Progress, 1), last: lifecycle.Progress{Done: -1}}
}

// see takes a report; it runs in the pool loop and never waits.
func (f *follower) see(p lifecycle.Progress, tells []lifecycle.Tell) {
	for _, t := range tells {
		addr := f.addr
		if t.Worker != "" {
			addr = pool.Incarnate(pool.WorkerAddress(f.addr, t.Place), t.Worker)
		}
		f.op.emit(t.Type, addr, t.Text, nil)
	}
	if p.Done != f.last.Done || p.Total != f.last.Total {
		f.op.emit(pool.EventStepProgress, f.addr, "", map[string]any{"done": p.Done, "total": p.Total, "alive": p.Alive})
	}
	if p.Rollout.Phase != f.last.Rollout.Phase && f.turned != nil {
		f.turned(p.Rollout)
	}
	f.last = p
	select {
	case <-f.reports:
	default:
	}
	f.reports <- p
}

// verdict says of a report whether what is waited for is done, and otherwise why
// it never will be.
type verdict func(lifecycle.Progress) (done bool, failed string)

// waited is how a wait ended: as wanted, unless reason says otherwise. reverted: the pool
// runs again what it came from.
type waited struct {
	reason   string
	reverted bool
}

// reachesTarget is the verdict of an apply.
func reachesTarget(p lifecycle.Progress) (done bool, failed string) { return p.Settled, p.Failed }

// recycles is the verdict of recycling by hand. What was wrong with the pool before,
// a place in quarantine or a halted roll, is not held against it.
func recycles(before lifecycle.Progress) verdict {
	return func(p lifecycle.Progress) (bool, string) {
		if p.Failed == before.Failed {
			return p.Recycling == 0 && p.Leaving == 0, ""
		}
		return false, p.Failed
	}
}

// wait returns when the pool has done what is waited for, or cannot.
// Without any progress for the length of limit it gives up.
//
// A rollout that waits for somebody may do so for ever, and one that fails goes back by
// itself: the machine ends it.
func (f *follower) wait(stop context.Context, r *runner, limit time.Duration, judge verdict) waited {
	idle := time.NewTimer(limit)
	defer idle.Stop()
	defer r.send(attend{})
	stopping := stop.Done()
	for {
		select {
		case p := <-f.reports:
			switch done, failed := judge(p); {
			case done && p.Rollout.Phase == pool.RolloutReverted:
				return waited{p.Rollout.Reason, true}
			case done:
				return waited{}
			case failed != "":
				return waited{reason: failed}
			}
			idle.Reset(limit)
			if p.Rollout.Phase.Still() {
				idle.Stop()
			}
		case <-idle.C:
			return waited{reason: "no progress for " + pool.Duration(limit).String()}
		case <-stopping:
			stopping = nil
			r.send(happening{lifecycle.Pause{Reason: pool.ReasonStopped}})
		case <-r.done:
			return waited{reason: errStopping.Error()}
		case <-r.sup.detached:
			return waited{reason: errStopping.Error()}
		}
	}
}
