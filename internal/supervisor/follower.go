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
	f.last = p
	select {
	case <-f.reports:
	default:
	}
	f.reports <- p
}

// wait returns when the pool has reached its target ("") or cannot (why). Without
// any progress for the length of limit it gives up.
func (f *follower) wait(stop context.Context, r *runner, limit time.Duration) string {
	idle := time.NewTimer(limit)
	defer idle.Stop()
	defer r.send(attend{})
	stopping := stop.Done()
	for {
		select {
		case p := <-f.reports:
			if p.Settled {
				return ""
			}
			if p.Failed != "" {
				return p.Failed
			}
			idle.Reset(limit)
		case <-idle.C:
			return "no progress for " + pool.Duration(limit).String() + " (update.healthy_deadline)"
		case <-stopping:
			stopping = nil
			r.send(happening{lifecycle.Pause{Reason: pool.ReasonStopped}})
		case <-r.done:
			return "the supervisor is stopping"
		case <-r.sup.detached:
			return "the supervisor is stopping"
		}
	}
}
