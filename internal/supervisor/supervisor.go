package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/code"
	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/logs"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/runtime"
	"github.com/snakectl/snakectl/internal/state"
	"github.com/snakectl/snakectl/internal/wire"
	"github.com/snakectl/snakectl/internal/worker"
)

// errStopping answers what comes while the supervisor ends.
var errStopping = errors.New("the supervisor is stopping")

// Config is what a supervisor is started with.
type Config struct {
	// Instance is the absolute directory that holds everything of it.
	Instance string
	// Version is the release, for people.
	Version string
	// SDK is what an interpreter runs to become a worker.
	SDK string
	// Builder is the program, with its first arguments, that builds an environment in the
	// directory that follows them: see runtime.Store.ServeBuild.
	Builder []string
	Log     *slog.Logger
	// Inherited is what a former image of this process left; nil at the usual start.
	Inherited *Handover
	// Peer says who is at the other end of an inherited connection.
	Peer func(*net.UnixConn) (access.Peer, error)
	// TakeSettings, if not nil, is called with the settings in force: once by Open and
	// whenever an apply changed them.
	TakeSettings func(pool.Settings)
}

// Supervisor runs the workers of one instance. Open makes one, Run does its work;
// the other methods may be called from any goroutine between the two.
type Supervisor struct {
	cfg       Config
	log       *slog.Logger
	sdk       string
	lineage   string
	machine   pool.Machine
	startedAt time.Time
	notice    string

	reaper       *worker.Reaper
	keeper       *keeper
	sweeper      *sweeper
	limiter      *limiter
	code         *code.Store
	environments environments
	directory    directory
	routes       routes
	table        table
	operations   operations
	events       *event.Hub
	settings     atomic.Pointer[pool.Settings]
	gate         gate
	ledger       *ledger
	clients      clients
	slotBrake    *brake
	inherited    *Handover // nil for one that began anew
	// restored are the client connections that a former image left.
	restored []*clientLink
	pauses   pauses
	scaling  scaling
	listener *wire.Listener
	logs     logs.Dir

	// booted is closed when the pools of the accepted spec are known again.
	booted chan struct{}
	// detached is closed when the supervisor ends and leaves its workers running.
	detached   chan struct{}
	detachOnce sync.Once
	// shutdown asks Run to end.
	shutdown     chan struct{}
	shutdownOnce sync.Once
	// killing: the workers are to be killed, not drained.
	killing atomic.Bool

	loops   sync.WaitGroup // pool loops and operations
	waiters sync.WaitGroup // one for each process
	links   sync.WaitGroup // worker connections
}

// Open takes possession of the instance: its state file, which no other
// supervisor may have, and its worker socket. It starts and adopts nothing yet.
func Open(cfg Config) (*Supervisor, error) {
	st, recovery, err := state.Open(cfg.Instance, state.Options{Version: cfg.Version, Log: cfg.Log, Clock: moment, Lock: cfg.Inherited.lock()})
	if err != nil {
		return nil, err
	}
	s := &Supervisor{
		cfg: cfg, log: cfg.Log, sdk: cfg.SDK, lineage: st.Lineage(), machine: Machine(os.Environ()), startedAt: time.Now().UTC(),
		code:         &code.Store{Dir: filepath.Join(cfg.Instance, "code")},
		environments: environments{store: runtime.Store{Dir: filepath.Join(cfg.Instance, "runtimes")}, held: map[string]*os.File{}},
		directory:    directory{byToken: map[string]*workerEntry{}},
		table:        table{runners: map[string]*runner{}},
		logs:         logs.Dir(filepath.Join(cfg.Instance, "logs")),
		events:       event.NewHub(), ledger: newLedger(cfg.Log), inherited: cfg.Inherited,
		clients: clients{brake: newBrake(), links: map[*clientLink]struct{}{}}, slotBrake: newBrake(),
		booted: make(chan struct{}), detached: make(chan struct{}), shutdown: make(chan struct{}),
	}
	s.operations.events = s.events
	s.scaling.changed = make(chan struct{}, 1)
	if recovery != nil {
		s.notice = recovery.Message
		s.log.Error("recovered the state", "message", recovery.Message)
	}
	if err := s.prepare(st); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return s, nil
}

func (s *Supervisor) prepare(st *state.Store) error {
	overrides, err := st.Overrides()
	if err != nil {
		return err
	}
	if err := dropOver(st, overrides, time.Now()); err != nil {
		return err
	}
	s.table.overrides = overrides
	if s.pauses.byAddress, err = st.Pauses(); err != nil {
		return err
	}
	s.table.desired, s.table.revision = st.Accepted()
	s.takeSettings(s.table.desired)
	s.takeAccess(s.table.desired)
	s.routes.set(nil, "")
	if s.listener, err = s.listen(); err != nil {
		return err
	}
	if s.reaper, err = worker.NewReaper(s.log); err != nil {
		return errors.Join(err, s.listener.Close())
	}
	s.keeper = newKeeper(st, s.log)
	s.sweeper = newSweeper(s.lineage, s.log)
	s.limiter = newLimiter(s.lineage, s.log)
	return nil
}

// Abandon gives the instance back without having run.
func (s *Supervisor) Abandon() error {
	s.limiter.close()
	s.environments.release(nil)
	return errors.Join(s.listener.Close(), s.keeper.store.Close())
}

// Run adopts what a former supervisor left, starts what is missing and serves
// until ctx ends or Shutdown is called; then it stops every worker, or leaves all
// of them running when Detach was called. It returns when nothing is left to do.
func (s *Supervisor) Run(ctx context.Context) error {
	background, end := context.WithCancel(context.WithoutCancel(ctx)) // the end of ctx begins a drain
	var parts sync.WaitGroup
	parts.Go(s.keeper.run)
	parts.Go(s.sweeper.run)
	parts.Go(func() { s.keepLogs(background) })
	err := s.boot()
	parts.Go(func() { s.reaper.Run(background) }) // children that are adopted are known now
	if err == nil {
		s.restore()
	}
	parts.Go(func() { // not before the adopted ones are known: a stranger is sent away
		if err := s.serveWorkers(background, s.listener); err != nil {
			s.log.Error("cannot accept workers", "err", err)
		}
	})
	s.awaitAdopted(ctx)
	parts.Go(func() { s.endOverrides(background) })
	close(s.booted)
	if err == nil {
		select {
		case <-ctx.Done():
		case <-s.shutdown:
		}
	}
	s.operations.close()
	if !s.isDetached() {
		s.stopWorkers()
	}
	s.loops.Wait()
	s.waiters.Wait()
	s.events.Close()
	err = errors.Join(err, s.listener.Close())
	s.ledger.close()
	s.sweeper.close()
	s.limiter.close()
	s.environments.release(nil)
	err = errors.Join(err, s.keeper.close())
	end()
	s.links.Wait()
	parts.Wait()
	return err
}

// Booted is closed when Run knows the pools of the accepted spec again. A caller who
// is served before would be told that they do not exist.
func (s *Supervisor) Booted() <-chan struct{} { return s.booted }

// Shutdown asks Run to end; workers says what becomes of them. It may be called again,
// to kill those that are draining. Called before Run it has Run take over what a former
// supervisor left, and end that.
func (s *Supervisor) Shutdown(workers pool.Parting) {
	switch workers {
	case pool.PartingKeep:
		s.detachOnce.Do(func() { close(s.detached) })
	case pool.PartingKill:
		s.killing.Store(true)
	case pool.PartingStop:
	}
	s.shutdownOnce.Do(func() { close(s.shutdown) })
	if workers == pool.PartingKill {
		for _, r := range s.table.all() {
			r.send(happening{lifecycle.Stop{Kill: true}})
		}
	}
}

// isStopping reports whether Shutdown was called.
func (s *Supervisor) isStopping() bool {
	select {
	case <-s.shutdown:
		return true
	default:
		return false
	}
}

func (s *Supervisor) isDetached() bool {
	select {
	case <-s.detached:
		return true
	default:
		return false
	}
}

// stopWorkers drains every pool at once and waits for the last worker's end.
func (s *Supervisor) stopWorkers() {
	refusal := pool.NewCallError(pool.CategoryUnavailable, "the supervisor is stopping")
	refusal.Retryable = true
	runners := s.table.all()
	for _, r := range runners {
		r.dispatcher.close(refusal)
		r.dispatcher.failQueued(refusal)
		r.send(happening{lifecycle.Stop{Kill: s.killing.Load()}})
	}
	for _, r := range runners {
		<-r.done
	}
}

// runnerFor returns the pool loop of a spec, started when there is none.
func (s *Supervisor) runnerFor(spec *pool.Pool) *runner {
	addr := spec.Address()
	return s.table.runner(addr, func() *runner { return s.newRunner(addr, spec) })
}

// dropUnaccepted ends the pool loop of addr if it was made for a trial alone.
func (s *Supervisor) dropUnaccepted(addr string) {
	desired, _ := s.table.accepted()
	if r := s.table.runner(addr, nil); r != nil && desired.Pool(addr) == nil {
		s.table.remove(addr)
		r.send(happening{lifecycle.Stop{}})
	}
}

// accepted takes up a configuration that the store just accepted.
func (s *Supervisor) accepted(revision uint64, desired pool.Desired) {
	s.table.accept(revision, &desired)
	s.takeSettings(&desired)
	s.takeAccess(&desired)
	s.directory.tell(*s.settings.Load())
	s.forgetUnaccepted(&desired, nil)
}

func (s *Supervisor) takeSettings(desired *pool.Desired) {
	settings := pool.Settings{OnBoot: pool.OnBootResume, HistoryKeep: 50, OrphanGrace: pool.Duration(30 * time.Second), Log: pool.Log{Level: "info", Format: "text"}}
	if desired != nil {
		settings = desired.Settings
	}
	s.settings.Store(&settings)
	if s.cfg.TakeSettings != nil {
		s.cfg.TakeSettings(settings)
	}
}

// publish makes the pools of the accepted spec reachable for callers.
func (s *Supervisor) publish() {
	desired, _ := s.table.accepted()
	byAddress := map[string]*dispatcher{}
	for _, r := range s.table.all() {
		if desired.Pool(r.addr()) != nil {
			byAddress[r.addr()] = r.dispatcher
		}
	}
	fallback := ""
	if p := desired.DefaultPool(); p != nil {
		fallback = p.Address()
	}
	s.routes.set(byAddress, fallback)
}

// destroy drains a pool and forgets it. Calls that wait are served first. It
// returns why it could not, "" when it did.
func (s *Supervisor) destroy(op *Operation, addr string) string {
	s.publish() // the accepted spec does not have it any more: no new caller finds it
	r := s.table.runner(addr, nil)
	if r == nil {
		return ""
	}
	f := newFollower(op, addr)
	r.send(attend{follow: f.see})
	select {
	case <-r.dispatcher.close(pool.NewCallError(pool.CategoryUnknownPool, "%s is being destroyed", addr)):
	case <-s.shutdown:
	}
	r.send(happening{lifecycle.Stop{}})
	select {
	case <-r.done:
	case <-s.detached:
		return errStopping.Error()
	}
	s.table.remove(addr)
	return ""
}

// lostCalls tells how many calls each pool has lost with their workers.
func (s *Supervisor) lostCalls() map[*runner]uint64 {
	lost := map[*runner]uint64{}
	for _, r := range s.table.all() {
		lost[r] = r.dispatcher.load().lost
	}
	return lost
}

// lostSince counts what pools have lost since before: of those that are new and of
// those that are gone, too.
func (s *Supervisor) lostSince(before map[*runner]uint64) uint64 {
	var sum uint64
	for r := range s.lostCalls() {
		if _, known := before[r]; !known {
			sum += r.dispatcher.load().lost
		}
	}
	for r, lost := range before {
		sum += r.dispatcher.load().lost - lost
	}
	return sum
}

func (s *Supervisor) agent() string { return "snakectl/" + s.cfg.Version }

func (s *Supervisor) workerSocket() string { return filepath.Join(s.cfg.Instance, "worker.sock") }

// Instance returns the directory of the instance.
func (s *Supervisor) Instance() string { return s.cfg.Instance }

// Lineage returns the name of the instance's state.
func (s *Supervisor) Lineage() string { return s.lineage }

// PID returns the supervisor's own process id.
func (s *Supervisor) PID() int { return os.Getpid() }

// String names the supervisor in logs.
func (s *Supervisor) String() string { return fmt.Sprintf("supervisor of %s", s.cfg.Instance) }
