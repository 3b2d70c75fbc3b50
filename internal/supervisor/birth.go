package supervisor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

// birth is the end of a worker's start: a process, or why there is none.
type birth struct {
	worker *workerEntry
	launch launch
	token  string
	begun  time.Time

	// group is the directory of the control group that the process is to be in, nil for
	// none. Whoever takes the birth closes it.
	group *os.File

	// start is how the process was made: pool.StartFork or pool.StartSpawn.
	start   string
	process *worker.Process
	err     error
	// server is the fork server that was asked, nil for none.
	server *worker.ForkServer
}

func (birth) message() {}

// start starts a worker for the machine.
func (r *runner) start(c lifecycle.Start) lifecycle.Event {
	l, ok := r.launches[c.Launch]
	if !ok {
		return lifecycle.Happened{Worker: c.Worker, Event: pool.WorkerExit, Reason: "cannot start: nothing is known of launch hash " + c.Launch}
	}
	_, e := r.conceive(c.Worker, c.Place, l, nil)
	return e
}

// conceive makes a worker known and has a process made for it. What comes of that is
// returned when it comes at once, else the pool loop gets a birth. pf is set for a
// worker that is only tried out.
func (r *runner) conceive(id string, place int, l launch, pf *preflight) (*workerEntry, lifecycle.Event) {
	b := birth{launch: l, token: newToken(), begun: time.Now()}
	w := &workerEntry{
		known: make(chan struct{}), gone: make(chan struct{}),
		runner: r, preflight: pf, state: pool.WorkerStarting,
		rec: pool.Worker{
			Pool: r.addr(), Place: place, Incarnation: id, State: pool.WorkerStarting, TokenHash: hashToken(b.token),
			LaunchHash: l.hash, Revision: l.revision, StartedAt: b.begun.UTC(), Spec: l.spec, Runtime: l.runtime,
		},
	}
	b.worker = w
	w.slots = r.dispatcher.addSlots(w, l.spec.Slots())
	w.stage.unlinked = len(w.slots.all)
	r.sup.directory.add(w)
	r.workers[id] = w
	b.group, b.err = r.prepare(w, l)
	if b.err == nil && r.nursery.fork(b) {
		return w, nil
	}
	if b.err == nil {
		b = r.nursery.spawn(b)
	}
	return w, r.born(b)
}

// prepare makes what a worker's process needs before it exists: its log, and what
// holds it to its limits.
func (r *runner) prepare(w *workerEntry, l launch) (group *os.File, err error) {
	if err := r.makeLog(w); err != nil {
		return nil, err
	}
	return r.restrain(w, l)
}

// born takes the end of a start. It returns what the machine has to know of it.
func (r *runner) born(b birth) lifecycle.Event {
	defer b.group.Close() // nil does no harm
	w := b.worker
	w.server = nil
	if b.err != nil {
		r.nursery.failed(b)
		if !w.abandoned && spawnsInstead(b.err) {
			b = r.nursery.spawn(b)
		}
	}
	if b.err != nil {
		return r.stillborn(w, b.err)
	}
	w.process, w.rec.Inherited = b.process, b.process.Inherited
	w.rec.PID, w.rec.StartTime, w.rec.BootID = b.process.PID, b.process.StartTime, b.process.BootID
	w.rec.Start, w.rec.State = b.start, pool.WorkerHandshaking
	if w.state == pool.WorkerStarting {
		w.state = pool.WorkerHandshaking
	}
	close(w.known)
	r.watch(w)
	if w.preflight == nil {
		r.sup.keeper.putWorker(w.record())
	}
	r.tellStarted(w, b.begun)
	r.log().Info("started a worker", "worker", w.incarnation(), "pid", b.process.PID, "start", b.start)
	switch {
	case w.abandoned:
		r.signal(w, "KILL")
		return nil
	case w.preflight != nil:
		return nil
	default:
		return lifecycle.Happened{Worker: w.rec.Incarnation, Event: pool.WorkerSpawned}
	}
}

// spawnsInstead reports whether a worker that could not be forked may well be
// spawned.
func spawnsInstead(err error) bool {
	_, unsafe := errors.AsType[*worker.UnsafeError](err)
	return unsafe || errors.Is(err, worker.ErrNotForked)
}

// stillborn takes a worker that never had a process out of everything.
func (r *runner) stillborn(w *workerEntry, err error) lifecycle.Event {
	r.sup.limiter.end(w.restraint)
	w.slots.remove(pool.NewCallError(pool.CategoryUnavailable, "the worker never started"))
	r.sup.directory.remove(w)
	delete(r.workers, w.rec.Incarnation)
	close(w.known)
	close(w.gone)
	failure := neverStarted(err)
	e := lifecycle.Happened{Worker: w.rec.Incarnation, Event: pool.WorkerExit, Reason: failure.Error()}
	switch {
	case w.killed != "":
		e.Reason = w.killed
	case w.abandoned:
		e.Reason = "nobody needs it any more"
	default:
		r.log().Error("cannot start a worker", "worker", pool.WorkerAddress(r.addr(), w.rec.Place), "err", err)
		r.vitals.reason = e.Reason
	}
	if d := failure.Death; d != nil { // that of its fork server, which was to become it
		d = new(*d)
		d.Worker, d.At, d.LifetimeUS = w.incarnation(), time.Now().UTC(), w.ageUS()
		e.Kind, failure.Death = d.Summary(), d
		r.tellCrashed(w, d, e.Reason, failure.Exit)
		if w.preflight == nil {
			r.deaths[w.rec.Place] = d
		}
	}
	if failure.Stderr != "" {
		if err := r.sup.logs.Append(w.logID(), failure.Stderr+"\n"); err != nil {
			r.log().Debug("cannot write a log", "worker", w.incarnation(), "err", err)
		}
	}
	r.sup.closeLog(w.record(), e.Reason)
	if w.preflight != nil {
		w.preflight.failed(failure)
		return nil
	}
	return e
}

// neverStarted is the error of a start as a caller is told it.
func neverStarted(err error) *pool.CallError {
	failure := pool.NewCallError(pool.CategoryUnavailable, "%s", err.Error())
	if said, ok := errors.AsType[*pool.CallError](err); ok {
		*failure = *said // a fork server answers everybody with the same one
	}
	if _, ok := errors.AsType[*worker.HardLimitError](err); ok {
		failure.Hint = "set a lower limits.nofile, raise the hard limit that the supervisor starts with (ulimit -Hn, LimitNOFILE= in a unit), or run it as root"
	}
	return failure
}

// watch reports the end of a worker's process, exactly once.
func (r *runner) watch(w *workerEntry) {
	r.sup.waiters.Go(func() {
		select {
		case <-w.process.Done():
			r.happened(w, pool.WorkerExit)
		case <-r.sup.detached:
		}
	})
}

// launchInfo returns what every process of a launch is started with; variables are what
// it gets beside the supervisor's own environment.
func (s *Supervisor) launchInfo(l launch, variables []pool.Variable) worker.StartInfo {
	return worker.StartInfo{
		Interpreter: s.environments.store.Python(l.runtime), SDK: s.sdk, Dir: l.spec.Dir(), Env: pool.Values(variables), Lineage: s.lineage,
	}
}

// serverInfo returns what the fork server of a launch is started with, but for its log.
func (s *Supervisor) serverInfo(l launch) worker.StartInfo {
	return s.launchInfo(l, l.spec.Preloading(s.machine))
}

// info returns what the worker's process is started with.
func (b birth) info() worker.StartInfo {
	sup := b.worker.runner.sup
	place := b.worker.rec.Place
	info := sup.launchInfo(b.launch, b.launch.spec.Variables(place, sup.machine))
	info.CPUs = b.launch.spec.CPUs(place)
	info.Log, info.Rlimits, info.Group = sup.logs.File(b.worker.logID()), b.worker.restraint.rlimits(), b.group
	return info
}

// launchDocument returns what a process of a launch is told, but for its name and
// its secret.
func (s *Supervisor) launchDocument(l launch) worker.Launch {
	root := l.spec.Snapshot.Root
	if l.spec.Snapshot.Hash != "" && l.spec.CodeMode != pool.CodeLive {
		root = s.code.Path(l.spec.Snapshot.Hash)
	}
	paths := make([]string, 0, len(l.spec.PythonPath))
	for _, p := range l.spec.PythonPath {
		paths = append(paths, filepath.Join(root, p))
	}
	doc := worker.Launch{
		Version: 1, Socket: s.workerSocket(), LaunchHash: l.hash, BootID: worker.BootID(),
		Adapter: l.spec.Adapter, Config: l.spec.Config, CodeRoot: root,
		SysPath: paths, OrphanGraceMS: s.settings.Load().OrphanGrace.D().Milliseconds(), Slots: l.spec.Slots(), Profile: l.spec.Profile,
		GIL: l.spec.GIL, Check: l.spec.Check, ShareDescriptors: l.spec.IsSet("start_method"),
	}
	if l.spec.IsSet("preload") {
		doc.Preload = append([]string{}, l.spec.Preload...) // an empty list is not the default
	}
	return doc
}

// document returns what the worker is told.
func (b birth) document() worker.Launch {
	w, sup := b.worker, b.worker.runner.sup
	doc := sup.launchDocument(b.launch)
	doc.Address, doc.Incarnation, doc.Token, doc.Stacks = w.rec.Address(), w.rec.Incarnation, b.token, sup.logs.Stacks(w.logID())
	doc.Environ = b.info().Differences(sup.serverInfo(b.launch))
	return doc
}

// wait returns a context that ends when nobody needs the worker any more.
func (w *workerEntry) wait() context.Context {
	ctx, cancel := context.WithCancel(context.Background()) // it ends with the worker's start, which no caller waits for
	w.abandon = func() {
		w.abandoned = true
		cancel()
	}
	return ctx
}
