package supervisor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

// preflight is the trial of a launch hash: one worker outside the rotation that
// has to import, initialise and answer before anything is changed. The worker that
// passed becomes the first one of the change, so the trial costs nothing.
type preflight struct {
	// result takes the worker's only report; its writer must not wait.
	result chan preflightReport
}

type preflightReport struct {
	worker *workerEntry
	err    *pool.CallError
}

// happened takes an event of the trial worker; died is set for its exit. It runs in
// the pool loop.
func (p *preflight) happened(w *workerEntry, event pool.WorkerEvent, died *pool.Death) {
	var report preflightReport
	switch event {
	case pool.WorkerAnswered:
		report.worker = w
	case pool.WorkerExit:
		report.err = w.startFailure(died)
	default:
		return
	}
	p.tell(report)
}

// failed takes that the trial worker never existed.
func (p *preflight) failed(err *pool.CallError) { p.tell(preflightReport{err: err}) }

func (p *preflight) tell(report preflightReport) {
	select {
	case p.result <- report:
	default: // it passed before, and ended since
	}
}

// startFailure says why a worker never became ready, in as many words as there are.
func (w *workerEntry) startFailure(died *pool.Death) *pool.CallError {
	err := pool.NewCallError(pool.CategoryUnavailable, "the preflight worker %s", died.Text)
	err.Exit, err.Stderr, err.Hint = died.Text, died.Stderr, died.Hint
	if died.Class == pool.DeathExit {
		err.Hint = "it ended before it was ready, and nothing was raised: look for os._exit in the adapter, in its hooks and in what they call"
	}
	if said := w.said(); said != nil {
		*err = *said
	}
	err.Death = died
	return err
}

// preflight tries a launch out. It returns the ready worker, which the caller
// either configures the pool with or discards.
//
// A worker without enough memory to start fails in many ways. Where one starts
// without limits.memory, the limit is what is wrong, and the error tells the size.
func (r *runner) preflight(ctx context.Context, l launch) (*workerEntry, *pool.CallError) {
	w, err := r.try(ctx, l)
	limit := l.spec.Limits.Memory
	if err == nil || limit == 0 || ctx.Err() != nil || err.Category == pool.CategoryDeadline {
		return w, err
	}
	l.spec.Limits.Memory = 0
	free, unlimited := r.try(ctx, l)
	if unlimited != nil {
		return nil, err
	}
	size := free.needs()
	r.discard(free, "its trial is over")
	return nil, tooSmall(limit, size, err)
}

// tooSmall is the failure of a launch whose workers start without the limit alone.
func tooSmall(limit, size pool.Size, cause *pool.CallError) *pool.CallError {
	err := pool.NewCallError(pool.CategoryUnavailable,
		"a worker cannot start within limits.memory (%s): a fresh one without the limit holds %s; with it: %s", limit, size.Short(), describe(cause))
	err.Stderr, err.Traceback = cause.Stderr, cause.Traceback
	err.Hint = "set limits.memory well above " + max(size, limit).Short() + ", or import less"
	return err
}

// needs returns what a fresh worker holds, in the measure of what would limit it.
func (w *workerEntry) needs() pool.Size {
	if group := w.restraint.group; group != nil {
		if m, err := group.Memory(); err == nil {
			return pool.Size(m.Peak)
		}
	}
	return w.restraint.held(w.rec.PID)
}

// try starts one worker of the launch and waits until it is ready.
func (r *runner) try(ctx context.Context, l launch) (*workerEntry, *pool.CallError) {
	if err := refusesGIL(l); err != nil {
		return nil, err
	}
	pf := &preflight{result: make(chan preflightReport, 1)} // one report, see happened
	var w *workerEntry
	if !r.read(func(r *runner) { w, _ = r.conceive(randomHex(4), 0, l, pf) }) {
		return nil, pool.NewCallError(pool.CategoryUnavailable, "the supervisor is stopping")
	}
	limit := l.spec.StartTimeout.D()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case report := <-pf.result:
		if report.err == nil {
			report.err = report.worker.unfit(&l.spec)
		}
		if report.err != nil && report.worker != nil {
			r.discard(report.worker, report.err.Message)
			report.worker = nil
		}
		return report.worker, report.err
	case <-timer.C:
		failure := pool.NewCallError(pool.CategoryDeadline, "the preflight worker was not ready within start_timeout (%s)", pool.Duration(limit))
		r.read(func(*runner) { failure.Stderr = w.tail() })
		failure.Hint = "look for a loop or a wait at import or in @init, or set a longer start_timeout"
		r.discard(w, failure.Message)
		return nil, failure
	case <-ctx.Done():
		r.discard(w, "the apply was given up")
		return nil, pool.NewCallError(pool.CategoryCancelled, "the apply was given up")
	}
}

// discard kills a trial worker, or gives up to start it, and waits for its end.
func (r *runner) discard(w *workerEntry, reason string) {
	r.read(func(r *runner) {
		if r.workers[w.rec.Incarnation] == w {
			w.killed = reason
			r.signal(w, "KILL")
		}
	})
	select {
	case <-w.gone:
	case <-r.done:
	}
}

// adoptTrial makes the trial worker one that the machine knows. It runs in the
// pool loop.
func (r *runner) adoptTrial(w *workerEntry, revision uint64) bool {
	if r.workers[w.rec.Incarnation] != w {
		return false // it died since
	}
	if !w.complete() {
		// Its connection broke since it passed, and nothing waits for its return.
		w.killed = "its connection broke after its trial"
		r.signal(w, "KILL")
		return false
	}
	w.preflight = nil
	w.rec.Revision = revision
	r.record(w, pool.WorkerReady)
	r.dispatcher.setCommands(w.commandTable())
	return true
}

// describe says in one line what a preflight failed with.
func describe(err *pool.CallError) string {
	if err.Type != "" {
		return fmt.Sprintf("%s: %s", err.Type, err.Message)
	}
	return err.Message
}

// unfit holds a ready worker against what its pool asks of a fresh one.
func (w *workerEntry) unfit(spec *pool.Pool) *pool.CallError {
	if limit := spec.Lifecycle.MaxMemory; limit > 0 {
		if size := pool.Size(worker.GroupMemory([]int{w.rec.PID})[w.rec.PID]); size > limit {
			err := pool.NewCallError(pool.CategoryUnavailable,
				"a fresh worker holds %s already, more than lifecycle.max_memory (%s): it would be recycled for ever", size.Short(), limit)
			err.Hint = "set max_memory well above " + size.Short() + ", or import less"
			return err
		}
	}
	command := spec.Health.Command
	knows := slices.ContainsFunc(w.commandTable(), func(c pool.CommandInfo) bool { return c.Name == command })
	if command != "" && !knows {
		return pool.NewCallError(pool.CategoryUnknownCommand, "health.command names %q, which the adapter does not have", command)
	}
	return nil
}
