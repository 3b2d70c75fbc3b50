package supervisor

import (
	"log/slog"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

// store is what the supervisor needs of the state file.
type store interface {
	Lineage() string
	Accepted() (*pool.Desired, uint64)
	Accept(state.Acceptance) (pool.Revision, error)
	FinishRevision(number uint64, status pool.RevisionStatus, op string, outcome pool.Outcome) error
	GetRevision(number uint64) (pool.Revision, error)
	History(limit int) ([]pool.Revision, error)
	Heads(after uint64, limit int) ([]pool.RevisionHead, error)
	UpdateStep(op, addr string, status state.StepStatus) error
	SetPhase(op, addr string, phase pool.RolloutPhase, reason string) error
	Supersede(v state.Supersession) (pool.Revision, error)
	PendingOperations() ([]state.Operation, error)
	ApplyWorkers(put []pool.Worker, del []string) error
	Workers() ([]pool.Worker, error)
	LastForgotten() (state.Moment, error)
	SetUnrecorded(on bool) error
	ForgetUnrecorded() error
	SetOverride(addr string, o *pool.Override) error
	Overrides() (map[string]pool.Override, error)
	SetQuarantine(addr string, place int, message *string) error
	Quarantined() ([]state.Quarantine, error)
	MovePool(from, to string) error
	SetPause(addr string, p *pool.Pause) error
	Pauses() (map[string]pool.Pause, error)
	// LockDescriptor returns the descriptor that holds the instance.
	LockDescriptor() int
	Close() error
}

// together is how long changes of worker records wait for others. A commit is written
// out twice, which costs more processor time than the rest of a worker's bookkeeping: a
// hundred starting workers share some twenty.
const together = 25 * time.Millisecond

// keeper is the only caller of the store's writing methods. Changes of worker
// records that come within a moment share one transaction; what is asked for by now
// or later does not wait. It is safe for concurrent use.
type keeper struct {
	log   *slog.Logger
	store store

	// mu guards what follows. It is a leaf.
	mu     sync.Mutex
	put    map[string]pool.Worker // by key
	marked bool                   // the store knows that records are pending
	del    map[string]bool
	others []func(store) error
	closed bool

	wake  chan struct{} // holds one token when there is work
	hurry chan struct{} // holds one token when it is not to wait for more
	done  chan struct{}
}

func newKeeper(st store, log *slog.Logger) *keeper {
	return &keeper{
		log: log, store: st, put: map[string]pool.Worker{}, del: map[string]bool{},
		wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

// run writes until close; what is pending then is written first.
func (k *keeper) run() {
	defer close(k.done)
	for range k.wake {
		k.gather()
		k.flush()
		k.mu.Lock()
		closed := k.closed
		k.mu.Unlock()
		if closed {
			for k.flush() {
			}
			return
		}
	}
}

// gather waits for changes that come together with those that are pending.
func (k *keeper) gather() {
	timer := time.NewTimer(together)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-k.hurry:
	}
}

// flush writes what is pending and reports whether there was anything.
func (k *keeper) flush() bool {
	k.mu.Lock()
	put, del, others := k.put, k.del, k.others
	k.put, k.del, k.others = map[string]pool.Worker{}, map[string]bool{}, nil
	k.mu.Unlock()
	if len(put)+len(del) > 0 {
		if err := k.store.ApplyWorkers(values(put), keys(del)); err != nil {
			k.log.Error("cannot record workers", "err", err)
		} else {
			k.unmark()
		}
	}
	for _, fn := range others {
		if err := fn(k.store); err != nil {
			k.log.Error("cannot write the state", "err", err)
		}
	}
	return len(put)+len(del)+len(others) > 0
}

// change has fn change what is pending.
func (k *keeper) change(fn func()) {
	k.mu.Lock()
	fn()
	k.mu.Unlock()
	token(k.wake)
}

// changeNow is change for what is not to wait for others.
func (k *keeper) changeNow(fn func()) {
	k.mu.Lock()
	fn()
	k.mu.Unlock()
	token(k.hurry)
	token(k.wake)
}

// token leaves a token in c, unless it holds one.
func token(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// putWorker records a worker before long. Until then the store knows that there may be
// one that it does not know: it may execute calls, and no later supervisor could ask it.
func (k *keeper) putWorker(w pool.Worker) {
	k.change(func() {
		k.put[state.WorkerKey(w)] = w
		if !k.marked {
			k.mark(true)
		}
	})
}

// unmark tells the store that every worker is recorded, if it is so.
func (k *keeper) unmark() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.marked && len(k.put) == 0 {
		k.mark(false)
	}
}

// mark tells the store whether records are pending. mu is held: a mark that is taken away
// must not follow one that is made.
func (k *keeper) mark(on bool) {
	k.marked = on
	if err := k.store.SetUnrecorded(on); err != nil {
		k.log.Error("cannot note which workers are not recorded", "err", err)
	}
}

// deleteWorker forgets a worker before long.
func (k *keeper) deleteWorker(w pool.Worker) {
	key := state.WorkerKey(w)
	k.change(func() {
		delete(k.put, key)
		k.del[key] = true
	})
}

// later runs fn with the store before long; its error is logged.
func (k *keeper) later(fn func(store) error) {
	k.changeNow(func() { k.others = append(k.others, fn) })
}

// now runs fn with the store, after everything that was asked for before, and
// returns its error.
func (k *keeper) now(fn func(store) error) error {
	result := make(chan error, 1) // its writer must not wait for a reader
	k.later(func(st store) error {
		result <- fn(st)
		return nil
	})
	select {
	case err := <-result:
		return err
	case <-k.done:
		return errStopping
	}
}

// close writes what is pending and closes the store.
func (k *keeper) close() error {
	k.changeNow(func() { k.closed = true })
	<-k.done
	return k.store.Close()
}

func values(m map[string]pool.Worker) []pool.Worker {
	out := make([]pool.Worker, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func keys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}
