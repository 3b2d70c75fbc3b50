package supervisor

import (
	"context"
	"fmt"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

// maxSize is the greatest size of a pool, as the schema has it.
var maxSize = int(pool.FindRow(pool.PoolSchema(), "size").Max)

// Recycle replaces the worker of one place of a pool, or all of them when place is
// -1, and tells of it by the events of the operation that it returns.
func (s *Supervisor) Recycle(name string, place int, by string) (*Operation, error) {
	r, err := s.find(name)
	if err != nil {
		return nil, err
	}
	desired, _ := s.table.accepted()
	spec := desired.Pool(r.addr())
	if spec == nil || place >= s.table.sizeOf(spec) {
		return nil, noPlace(r.addr(), place)
	}
	op := newOperation(by)
	if before := s.operations.begin(op); before != nil {
		op.giveWay(before)
		return op, nil
	}
	if op.stop.Err() != nil {
		s.operations.end(op)
		op.complete(pool.Outcome{Result: pool.ResultInterrupted, Message: errStopping.Error()})
		return op, nil //nolint:nilerr // the operation tells how it ended
	}
	s.loops.Go(func() {
		defer s.operations.end(op)
		op.complete(s.recycle(op, r, spec, place))
	})
	return op, nil
}

func (s *Supervisor) recycle(op *Operation, r *runner, spec *pool.Pool, place int) pool.Outcome {
	_, revision := s.table.accepted()
	out := pool.Outcome{Result: pool.ResultConverged, Revision: revision}
	before := r.dispatcher.load().lost
	f := newFollower(op, r.addr())
	var was lifecycle.Progress
	r.send(happening{lifecycle.Recycle{Place: place}})
	r.read(func(r *runner) { was = r.machine.Progress() })
	r.send(attend{follow: f.see})
	if reason := f.wait(op.stop, r, spec.StartTimeout.D()+spec.StopGrace.D(), recycles(was)).reason; reason != "" {
		out.Result, out.Failed, out.Message = pool.ResultMixed, []string{r.addr()}, reason
	} else {
		out.Done = []string{r.addr()}
	}
	out.CallsFailed = r.dispatcher.load().lost - before
	return out
}

// Wait returns when the pool of that name, or every pool when name is "-", is
// ready (as many ready workers as its size), idle (no call waits or executes) or
// gone. It gives up when ctx ends, and says what is missing.
func (s *Supervisor) Wait(ctx context.Context, name, what string) error {
	const every = 10 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		waiting, err := s.waitingFor(name, what)
		if err != nil || waiting == nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return pool.NewCallError(pool.CategoryDeadline, "not %s in time: %s", what, waiting.lacks(what))
		}
	}
}

// waitingFor returns the first pool loop that a wait still waits for, nil for none.
func (s *Supervisor) waitingFor(name, what string) (*runner, error) {
	waited := s.table.all()
	if name != "-" && name != "" {
		r, err := s.find(name)
		switch {
		case err != nil && what == "gone":
			return nil, nil //nolint:nilnil // not to be found is what was waited for
		case err != nil:
			return nil, err
		}
		waited = []*runner{r}
	}
	for _, r := range waited {
		reached := true
		if r.read(func(r *runner) { reached = r.reached(what) }) && !reached {
			return r, nil
		}
	}
	return nil, nil //nolint:nilnil // nothing is waited for
}

// reached reports whether the pool is what somebody waits for. Many ask again and
// again, while a hundred workers start: it looks at numbers alone. It runs in the pool
// loop.
func (r *runner) reached(what string) bool {
	switch what {
	case "ready":
		ready, size := r.machine.Readiness()
		return ready >= size
	case "idle":
		now := r.dispatcher.load()
		return now.busy+now.waiting == 0
	default:
		return false
	}
}

// lacks says in words what the pool lacks to be what was waited for.
func (r *runner) lacks(what string) string {
	var st pool.PoolStatus
	r.read(func(r *runner) { st = r.status() })
	switch what {
	case "ready":
		text := fmt.Sprintf("%s has %d of %d workers ready", r.addr(), st.Ready, st.Size)
		if st.Message != "" {
			text += ": " + st.Message
		}
		return text
	case "idle":
		return fmt.Sprintf("%s has %d calls executing and %d waiting", r.addr(), st.Busy, st.Queued)
	default:
		return r.addr() + " is still there"
	}
}

var _ store = (*state.Store)(nil)

func noPlace(addr string, place int) *pool.CallError {
	err := pool.NewCallError(pool.CategoryInvalidArgument, "%s has no place %d", addr, place)
	err.Hint = "see which it has with: snakectl status '" + addr + "'"
	return err
}
