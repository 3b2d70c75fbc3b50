package supervisor

import (
	"context"
	"slices"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
	"github.com/snakectl/snakectl/internal/wire"
	"github.com/snakectl/snakectl/internal/worker"
)

// boot takes over what the state remembers: it adopts the workers that still live,
// and brings every pool to the accepted spec. An apply that a former supervisor
// could not finish goes on.
func (s *Supervisor) boot() error {
	if err := s.code.Sweep(); err != nil {
		s.log.Warn("cannot clean up the code snapshots", "err", err)
	}
	s.endForkServers()
	if err := s.holdNamed(); err != nil {
		return err
	}
	desired, number := s.table.accepted()
	records, err := s.keeper.store.Workers()
	if err != nil {
		return err
	}
	quarantined, err := s.keeper.store.Quarantined()
	if err != nil {
		return err
	}
	if err := s.recallForgotten(); err != nil {
		return err
	}
	slices.SortStableFunc(records, func(a, b pool.Worker) int { return a.StartedAt.Compare(b.StartedAt) })
	for _, rec := range records {
		s.bootWorker(rec, desired.Pool(desired.Follow(rec.Home())))
	}
	for _, r := range s.table.all() {
		r.read(func(*runner) {}) // it has adopted them now
	}
	s.clearGroups(records)
	s.forgetUnaccepted(desired, quarantined)
	if desired == nil || s.isStopping() {
		return nil
	}
	plan, err := s.resumption(desired, number)
	if err != nil {
		return err
	}
	for i := range desired.Pools {
		spec := &desired.Pools[i]
		r := s.runnerFor(spec)
		s.recall(r)
		for _, q := range quarantined {
			if q.Pool == spec.Address() {
				r.send(happening{lifecycle.Restore{Place: q.Place, Message: q.Message}})
			}
		}
		rt := desired.Runtimes[spec.Runtime]
		l := launch{hash: pool.LaunchHash(spec, rt), revision: number, spec: *spec, runtime: rt}
		r.send(plan.configure(spec, l, s.table.sizeOf(spec)))
	}
	s.publish()
	s.resume(desired, plan)
	return nil
}

// moment reads the clock that calls are dated with.
func moment() state.Moment { return state.Moment{BootID: worker.BootID(), NS: wire.Monotonic()} }

// recallForgotten takes up since when the workers that live can tell of every call
// that was executed.
func (s *Supervisor) recallForgotten() error {
	s.ledger.grace = s.settings.Load().OrphanGrace.D()
	if err := s.keeper.now(store.ForgetUnrecorded); err != nil {
		return err
	}
	at, err := s.keeper.store.LastForgotten()
	if err == nil && at.BootID == worker.BootID() {
		s.ledger.forgets(at.NS)
	}
	return err
}

// adoptWithin is how long callers wait for the adopted workers to connect. One whose
// C code holds the interpreter cannot answer sooner than that ends.
const adoptWithin = time.Second

// awaitAdopted waits until the adopted workers have connected and told of their
// calls, so that the first callers find them.
func (s *Supervisor) awaitAdopted(ctx context.Context) {
	limit := time.NewTimer(adoptWithin)
	defer limit.Stop()
	select {
	case <-s.ledger.settled():
	case <-limit.C:
		s.log.Info("serving callers before every adopted worker has told of its calls", "waited", adoptWithin.String())
	case <-ctx.Done():
	case <-s.shutdown:
	}
}

// forgetUnaccepted drops what was remembered of pools that are no longer accepted:
// one that is made again later begins anew, also when its destroy was never attempted.
func (s *Supervisor) forgetUnaccepted(desired *pool.Desired, quarantined []state.Quarantine) {
	for _, addr := range s.table.overridden() {
		if desired.Pool(addr) == nil {
			s.table.override(addr, nil)
			s.keeper.later(func(st store) error { return st.SetOverride(addr, nil) })
		}
	}
	for _, addr := range s.pauses.pools() {
		if desired.Pool(addr) == nil {
			s.forgetPauses(addr)
		}
	}
	for _, q := range quarantined {
		if desired.Pool(q.Pool) == nil {
			s.keeper.later(func(st store) error { return st.SetQuarantine(q.Pool, q.Place, nil) })
		}
	}
}

// bootWorker adopts one recorded worker, if it is alive and wanted.
func (s *Supervisor) bootWorker(rec pool.Worker, spec *pool.Pool) {
	id := worker.Identity{PID: rec.PID, StartTime: rec.StartTime, BootID: rec.BootID}
	incarnation := pool.Incarnate(rec.Address(), rec.Incarnation)
	process, err := s.reaper.Adopt(id)
	if err != nil {
		s.ledger.forgets(wire.Monotonic())
		s.log.Info("a recorded worker is gone", "worker", incarnation)
		s.closeLog(rec, "it was gone when the supervisor started again")
		s.keeper.deleteWorker(rec)
		s.sweeper.add(incarnation)
		return
	}
	if spec == nil || rec.State != pool.WorkerReady && rec.State != pool.WorkerDraining {
		// Nobody wants it any more, or it was not ready or was being ended when its
		// supervisor ended: a fresh worker is surer.
		s.ledger.forgets(wire.Monotonic())
		s.log.Info("ending a worker that a former supervisor left", "worker", incarnation, "state", string(rec.State))
		_ = process.SignalGroup(syscall.SIGKILL)
		s.keeper.deleteWorker(rec)
		s.waiters.Go(func() {
			<-process.Done()
			s.closeLog(rec, "the supervisor started again and had no use for it")
			s.sweeper.add(incarnation)
		})
		return
	}
	r := s.runnerFor(spec)
	r.send(adopt{rec: rec, process: process})
}

// adopt hands a living worker of a former supervisor to the pool loop.
type adopt struct {
	rec     pool.Worker
	process *worker.Process
}

func (adopt) message() {}

func (r *runner) adopt(m adopt) {
	leaving := m.rec.State == pool.WorkerDraining
	w := &workerEntry{
		known: make(chan struct{}), gone: make(chan struct{}), rec: m.rec, process: m.process, runner: r, state: m.rec.State,
		stage: stage{answered: true}, adopted: true, restraint: r.sup.limiter.find(&m.rec, m.process),
	}
	close(w.known)
	w.slots = r.dispatcher.addSlots(w, m.rec.Spec.Slots())
	w.slots.adopt()
	r.sup.ledger.expect(w)
	r.workers[m.rec.Incarnation] = w
	r.launches[m.rec.LaunchHash] = launch{hash: m.rec.LaunchHash, revision: m.rec.Revision, spec: m.rec.Spec, runtime: m.rec.Runtime}
	r.sup.directory.add(w)
	r.watch(w)
	r.step(lifecycle.Adopt{Worker: m.rec.Incarnation, Place: m.rec.Place, Launch: m.rec.LaunchHash, Started: m.rec.StartedAt, Leaving: leaving})
	r.log().Info("adopting a worker", "worker", w.incarnation(), "pid", m.rec.PID)
}
