package supervisor

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

// ApplyRequest asks for a configuration to become the accepted one.
type ApplyRequest struct {
	Desired pool.Desired
	Options planner.Options
	// Approved is the plan that somebody agreed to; the apply does no more. nil
	// agrees to whatever the plan is now.
	Approved *planner.Plan
	By       string
	Message  string
	// Git is where the configuration was read from, nil when it is in no repository.
	Git *pool.Git
	// ExpectRevision, if not nil, is the revision that must be the accepted one.
	ExpectRevision *uint64
}

// parallelPools is how many pools change at one time.
const parallelPools = 4

// application is one apply on its way: the plan and what was prepared for it.
type application struct {
	sup      *Supervisor
	op       *Operation
	req      ApplyRequest
	desired  pool.Desired
	plan     planner.Plan
	revision uint64
	// journal is the operation that the state knows: op itself, but for one that a former
	// supervisor began.
	journal string

	// mu guards what follows: pools are prepared and changed side by side.
	mu      sync.Mutex
	trials  map[string]*workerEntry // by address
	out     pool.Outcome
	reverts []reverted
}

// Apply begins to carry a configuration out and returns at once; what becomes of
// it is told by the operation's events.
func (s *Supervisor) Apply(req ApplyRequest) *Operation {
	op := newOperation(req.By)
	if other := s.operations.begin(op); other != nil {
		op.giveWay(other)
		return op
	}
	if op.stop.Err() != nil {
		s.operations.end(op)
		op.complete(pool.Outcome{Result: pool.ResultInterrupted, Message: errStopping.Error()})
		return op
	}
	s.loops.Go(func() {
		defer s.operations.end(op)
		a := &application{sup: s, op: op, journal: op.ID, req: req, desired: req.Desired, trials: map[string]*workerEntry{}}
		op.complete(a.run())
	})
	return op
}

func (a *application) run() pool.Outcome {
	observed := a.sup.Observe()
	defer func() {
		if err := a.sup.keeper.now(a.sup.pruneEnvironments); err != nil && !errors.Is(err, errStopping) {
			a.sup.log.Warn("cannot let go of old environments", "err", err)
		}
	}()
	a.out = pool.Outcome{Revision: observed.Revision}
	if refused := a.decide(observed); refused != nil {
		return *refused
	}
	if a.plan.Empty() {
		a.out.Result = pool.ResultUnchanged
		return a.out
	}
	if refused := a.plan.Refusal(); len(refused) > 0 {
		a.out.Result, a.out.Message = pool.ResultFailed, "nothing was changed: "+strings.Join(refused, "; ")
		return a.out
	}
	a.op.emit(pool.EventOpAccepted, "", "", nil)
	if failed := a.prepare(); len(failed) > 0 {
		a.discardTrials()
		a.out.Result, a.out.Failed = pool.ResultFailed, failed
		a.out.Message = "nothing was changed"
		if a.op.stop.Err() != nil {
			a.out.Result = pool.ResultInterrupted
		}
		return a.out
	}
	if refused := a.accept(); refused != nil {
		a.discardTrials()
		return *refused
	}
	return a.carryOut()
}

// prepare builds the environments, copies the code and tries every new launch hash out. It returns the
// addresses that failed; nothing has changed then.
func (a *application) prepare() []string {
	if failed := a.prepareAll(planner.IsRuntime, pool.EventRuntimeFailed, a.prepareRuntime); len(failed) > 0 {
		return failed
	}
	return a.prepareAll(func(addr string) bool { return a.desired.Pool(addr) != nil }, pool.EventPreflightFailed, func(c planner.Change) *pool.CallError {
		return a.prepareOne(c, a.desired.Pool(c.Address))
	})
}

// prepareAll prepares the changes of the addresses that are concerned, and returns
// those that failed.
func (a *application) prepareAll(concerned func(addr string) bool, failure string, prepare func(planner.Change) *pool.CallError) []string {
	var failed []string
	a.each(a.plan.Changes, func(c planner.Change) {
		if !concerned(c.Address) {
			return
		}
		begun := time.Now()
		if err := prepare(c); err != nil {
			data := map[string]any{"error": err, "ms": time.Since(begun).Milliseconds()}
			a.op.emit(failure, c.Address, describe(err), data)
			a.mu.Lock()
			failed = append(failed, c.Address)
			a.mu.Unlock()
		}
	})
	return failed
}

// each calls fn for every change, parallelPools at a time, and waits for all.
func (a *application) each(changes []planner.Change, fn func(planner.Change)) {
	var all sync.WaitGroup
	places := make(chan struct{}, parallelPools) // a semaphore
	for _, c := range changes {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			fn(c)
		})
	}
	all.Wait()
}

func (a *application) prepareOne(c planner.Change, spec *pool.Pool) *pool.CallError {
	if err := a.sup.code.Put(a.op.stop, spec.Snapshot); err != nil {
		return pool.NewCallError(pool.CategoryUnavailable, "%s", err.Error())
	}
	if !spec.Update.Preflight || !newLaunch(c) && !wantsTrial(c) {
		return nil
	}
	a.op.emit(pool.EventPreflightStart, c.Address, "", nil)
	begun := time.Now()
	w, err := a.runnerOf(c, spec).preflight(a.op.stop, a.launchOf(spec))
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.trials[c.Address] = w
	a.mu.Unlock()
	a.op.emit(pool.EventPreflightOK, c.Address, "", map[string]any{"ms": time.Since(begun).Milliseconds()})
	return nil
}

// newLaunch reports whether the change starts workers of a launch hash that was
// not tried out before.
func newLaunch(c planner.Change) bool {
	return c.Action == planner.ActionCreate || c.Action == planner.ActionRoll || c.Action == planner.ActionRecreate
}

// wantsTrial reports whether the change sets a limit that only a fresh worker can
// be held against, or a command that it must have.
func wantsTrial(c planner.Change) bool {
	return slices.ContainsFunc(c.Attributes, func(a planner.Attribute) bool {
		return a.Path == "lifecycle.max_memory" || strings.HasPrefix(a.Path, "limits.") || a.Path == "health.command"
	})
}

func (a *application) launchOf(spec *pool.Pool) launch {
	rt := a.desired.Runtimes[spec.Runtime]
	return launch{hash: pool.LaunchHash(spec, rt), revision: a.revision, spec: *spec, runtime: rt}
}

// discardTrials ends the trial workers and the pools that were made for them.
func (a *application) discardTrials() {
	for addr, w := range a.trials {
		w.runner.discard(w, "the apply did not go on")
		delete(a.trials, addr)
	}
	for _, c := range a.plan.Changes {
		if c.Action == planner.ActionCreate {
			a.sup.dropUnaccepted(c.Address)
		}
	}
}

// accept makes the configuration the accepted one, in one transaction.
func (a *application) accept() *pool.Outcome {
	acceptance := state.Acceptance{
		Base: a.plan.BaseRevision, Desired: a.desired, By: a.req.By, Message: a.req.Message, Git: a.req.Git, At: a.op.At, Op: a.op.ID,
	}
	for _, step := range planner.Steps(a.plan) {
		acceptance.Steps = append(acceptance.Steps, state.Step{Address: step.Address, Action: string(step.Action), Status: state.StepPending})
		acceptance.Touched = append(acceptance.Touched, step.Address)
	}
	var rev pool.Revision
	err := a.sup.keeper.now(func(st store) (err error) {
		rev, err = st.Accept(acceptance)
		return err
	})
	var conflict *state.ConflictError
	switch {
	case errors.As(err, &conflict):
		return &pool.Outcome{Result: pool.ResultStale, Revision: conflict.Current, Message: err.Error()}
	case err != nil:
		return &pool.Outcome{Result: pool.ResultFailed, Revision: a.plan.BaseRevision, Message: err.Error()}
	}
	a.revision = rev.Number
	a.out.Revision = rev.Number
	a.sup.rename(movesOf(a.plan))
	a.sup.accepted(rev.Number, a.desired)
	a.sup.publish() // callers find moved pools under their new addresses at once
	return nil
}

// carryOut changes the pools, wave by wave, and finishes the revision.
func (a *application) carryOut() pool.Outcome {
	before := a.sup.lostCalls()
	byAddress := map[string]planner.Change{}
	for _, c := range a.plan.Changes {
		byAddress[c.Address] = c
	}
	waves := map[int][]planner.Change{}
	last := 0
	for _, step := range planner.Steps(a.plan) {
		waves[step.Wave] = append(waves[step.Wave], byAddress[step.Address])
		last = max(last, step.Wave)
	}
	for wave := 1; wave <= last; wave++ {
		if len(a.out.Failed)+len(a.out.Reverted) > 0 || a.op.stop.Err() != nil {
			for _, c := range waves[wave] {
				a.out.NotAttempted = append(a.out.NotAttempted, c.Address)
			}
			continue
		}
		a.each(waves[wave], a.change)
	}
	a.discardTrials()
	a.out.CallsFailed = a.sup.lostSince(before)
	return a.finish()
}

// change carries one change out and notes how it went.
func (a *application) change(c planner.Change) {
	if a.op.stop.Err() != nil {
		a.mu.Lock()
		a.out.NotAttempted = append(a.out.NotAttempted, c.Address)
		a.mu.Unlock()
		return
	}
	begun := time.Now()
	a.op.emit(pool.EventStepStart, c.Address, string(c.Action), nil)
	a.step(c.Address, state.StepRunning)
	a.ended(c.Address, a.changeOne(c), string(c.Action), begun)
}

// trialFor takes the trial worker of a change that can use it. One that recreates
// cannot: the old workers have to be gone before a new one runs.
func (a *application) trialFor(c planner.Change) *workerEntry {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.trials[c.Address]
	if w == nil {
		return nil
	}
	delete(a.trials, c.Address)
	if c.Size == 0 || c.Action == planner.ActionRecreate {
		w.runner.discard(w, "its trial is over")
		return nil
	}
	return w
}

// Stop asks an operation to end at the next safe point; it reports whether there
// is such an operation.
func (s *Supervisor) Stop(id string) bool {
	op := s.operations.find(id)
	if op == nil {
		return false
	}
	op.Stop()
	return true
}
