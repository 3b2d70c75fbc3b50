package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/runtime"
	"github.com/snakectl/snakectl/internal/worker"
)

// environments keeps the environments that this supervisor may start a worker in from
// being removed: those that a kept revision or a worker names. While no supervisor runs
// the state says which those are.
type environments struct {
	store runtime.Store

	// mu guards held. It is a leaf.
	mu   sync.Mutex
	held map[string]*os.File // by key
}

// hold takes hold of an environment, which must be there.
func (e *environments) hold(ctx context.Context, key string) error {
	e.mu.Lock()
	_, held := e.held[key]
	e.mu.Unlock()
	if held {
		return nil
	}
	f, err := e.store.Hold(ctx, key)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held[key] != nil {
		return f.Close() // another operation was faster
	}
	e.held[key] = f
	return nil
}

// release lets go of all that keep does not name.
func (e *environments) release(keep map[string]bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, f := range e.held {
		if !keep[key] {
			f.Close()
			delete(e.held, key)
		}
	}
}

// named returns the keys of the environments that a kept revision or a worker names.
func named(st store) (map[string]bool, error) {
	keep := map[string]bool{}
	add := func(rt pool.Runtime) {
		if rt.Environment != nil {
			keep[rt.Environment.Key] = true
		}
	}
	revisions, err := st.History(0)
	if err != nil {
		return nil, err
	}
	for _, rev := range revisions {
		for _, rt := range rev.Desired.Runtimes {
			add(rt)
		}
	}
	workers, err := st.Workers()
	for _, w := range workers {
		add(w.Runtime)
	}
	return keep, err
}

// holdNamed takes hold of what the state names when the supervisor starts. What is not
// there is missed when a worker starts, and the next plan builds it again.
func (s *Supervisor) holdNamed() error {
	keep, err := named(s.keeper.store)
	if err != nil {
		return err
	}
	for key := range keep {
		if err := s.environments.hold(context.Background(), key); err != nil {
			s.log.Warn("an environment of a kept revision is missing", "key", key, "err", err)
		}
	}
	return nil
}

// pruneEnvironments lets go of the environments that nothing names any more. It runs in
// the keeper, as pruneCode does.
func (s *Supervisor) pruneEnvironments(st store) error {
	keep, err := named(st)
	if err == nil {
		s.environments.release(keep)
	}
	return err
}

// buildEnvironment makes the environment of a runtime and takes hold of it.
func (a *application) buildEnvironment(rt pool.Runtime) (built bool, err error) {
	key := rt.Environment.Key
	if !a.sup.environments.store.Has(key) {
		built, err = a.sup.startBuilder(a.op.stop, rt, func(p runtime.Progress) {
			a.op.emit(pool.EventRuntimeBuilding, rt.Name, string(p.Phase), map[string]any{
				"phase": string(p.Phase), "done": p.Done, "total": p.Total, "package": p.Package,
			})
		})
	}
	if err != nil {
		return built, err
	}
	return built, a.sup.environments.hold(a.op.stop, key)
}

// prepareRuntime builds one environment and tells of it.
func (a *application) prepareRuntime(c planner.Change) *pool.CallError {
	begun := time.Now()
	built, err := a.buildEnvironment(a.desired.Runtimes[c.Address])
	if err != nil {
		failure := pool.NewCallError(pool.CategoryUnavailable, "%s", err.Error())
		if said, ok := errors.AsType[*runtime.InstallError](err); ok {
			failure.Message, failure.Stderr, failure.Hint = said.Summary(), said.Output, said.Hint
		}
		return failure
	}
	a.op.emit(pool.EventRuntimeReady, c.Address, "", map[string]any{"ms": time.Since(begun).Milliseconds(), "built": built})
	return nil
}

// builderGrace is how long a builder that is told to stop may clean up.
const builderGrace = 5 * time.Second

// startBuilder builds in a process of its own, since nothing here may wait for a child
// but the reaper, and since a build that dies must not take the supervisor with it.
func (s *Supervisor) startBuilder(ctx context.Context, rt pool.Runtime, tell func(runtime.Progress)) (bool, error) {
	orderR, orderW, err := os.Pipe()
	if err != nil {
		return false, err
	}
	defer orderW.Close() // its end tells the builder to give up
	saidR, saidW, err := os.Pipe()
	if err != nil {
		return false, errors.Join(err, orderR.Close())
	}
	defer saidR.Close()
	p, err := s.reaper.Start(worker.Command{
		Args: slices.Concat(s.cfg.Builder, []string{s.environments.store.Dir}), Dir: s.cfg.Instance, Env: os.Environ(),
		Files: []*os.File{orderR, saidW, os.Stderr},
	})
	if err = errors.Join(err, orderR.Close(), saidW.Close()); err != nil {
		return false, fmt.Errorf("cannot start a builder: %w", err)
	}
	stopped := make(chan struct{})
	defer func() { close(stopped); <-p.Done() }()
	s.waiters.Go(func() {
		select {
		case <-stopped:
			return
		case <-ctx.Done():
			_ = p.SignalGroup(syscall.SIGTERM)
		}
		grace := time.NewTimer(builderGrace)
		defer grace.Stop()
		select {
		case <-p.Done():
		case <-grace.C:
			_ = p.SignalGroup(syscall.SIGKILL)
		}
	})
	if err := runtime.WriteOrder(orderW, rt); err != nil {
		return false, fmt.Errorf("cannot tell a builder what to build: %w", err)
	}
	built, err := runtime.ReadBuild(saidR, tell)
	if ctx.Err() != nil {
		err = errors.New("the apply was given up")
	}
	return built, err
}
