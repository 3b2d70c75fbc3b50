package supervisor

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"sync"

	"github.com/snakectl/snakectl/internal/logs"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
	"github.com/snakectl/snakectl/internal/worker"
)

// launch is everything that workers of one launch hash are started from.
type launch struct {
	hash     string
	revision uint64
	spec     pool.Pool
	runtime  pool.Runtime
}

// workerEntry is one worker as the supervisor knows it, from its start to its
// exit. What is not guarded by mu is set before anybody else sees the entry, or
// belongs to the pool loop.
type workerEntry struct {
	// known is closed when the process exists and rec is complete, or when it never
	// will. gone is closed when there is no process any more.
	known   chan struct{}
	gone    chan struct{}
	rec     pool.Worker
	process *worker.Process
	slots   *slotSet
	runner  *runner

	// state is the state that the store knows. Owned by the pool loop.
	state pool.WorkerState
	// preflight takes the events of a worker that is only being tried out; nil for
	// one that the machine knows. Owned by the pool loop.
	preflight *preflight
	// restraint is what holds the worker to its limits. Owned by the pool loop.
	restraint restraint
	// server was asked to fork the worker, nil when its process exists or none was;
	// abandon ends that wait, abandoned: it was called. Owned by the pool loop.
	server    *worker.ForkServer
	abandon   func()
	abandoned bool
	// killed is why the supervisor killed it, empty otherwise. Owned by the pool loop.
	killed string

	// adopted: a former supervisor started it. told: its first admission was told.
	// Owned by the pool loop.
	adopted, told bool
	// memoryWatched: it was asked to tell when a call makes it grow. Owned by the pool
	// loop.
	memoryWatched bool

	// dump is the last look at it. Owned by the pool loop.
	dump dump

	// dumping is held while the worker writes its stacks: it has one file for them. The
	// pool loop never takes it.
	dumping sync.Mutex

	// mu guards what follows. It is a leaf.
	mu       sync.Mutex
	control  *wire.Outbox
	commands []pool.CommandInfo
	python   string
	gil      *bool           // whether its GIL was on when it was ready; nil before
	failure  *pool.CallError // what the worker itself said was wrong
	stage    stage
	vigil    vigil
}

// stage counts what a worker has still to show before it is ready.
type stage struct {
	hello, initialised, healthy bool
	// unlinked counts the slots that have not connected yet. A slot that did is not
	// counted again: when its connection breaks, it waits for it to come back.
	unlinked int
	// answered: all of it was there once.
	answered bool
}

func (w *workerEntry) incarnation() string {
	return pool.Incarnate(pool.WorkerAddress(w.home(), w.rec.Place), w.rec.Incarnation)
}

// sendControl sends a frame on the control connection, if there is one.
func (w *workerEntry) sendControl(frame []byte) {
	w.mu.Lock()
	out := w.control
	w.mu.Unlock()
	if out != nil {
		_ = out.Send(frame) // a broken connection is noticed by its reader
	}
}

// reach notes progress and reports whether the worker just became ready, for the
// first time or again.
func (w *workerEntry) reach(note func(*stage)) (ready, again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.stage.complete()
	note(&w.stage)
	if before || !w.stage.complete() {
		return false, false
	}
	again = w.stage.answered
	w.stage.answered = true
	return true, again
}

func (s stage) complete() bool {
	return s.hello && s.initialised && s.healthy && (s.unlinked <= 0 || s.answered)
}

// lose notes that a connection broke and reports whether the worker was ready and
// is not any more.
func (w *workerEntry) lose(note func(*stage)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.stage.complete()
	note(&w.stage)
	return before && !w.stage.complete()
}

// hangUp forgets a control connection that ended and reports whether the worker
// was ready and is not any more. One that was replaced meanwhile changes nothing.
func (w *workerEntry) hangUp(out *wire.Outbox) bool {
	w.mu.Lock()
	current := w.control == out
	if current {
		w.control = nil
	}
	w.mu.Unlock()
	return current && w.lose(func(st *stage) { st.hello, st.healthy = false, false })
}

// complete reports whether the worker is ready at this moment.
func (w *workerEntry) complete() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stage.complete()
}

func (w *workerEntry) said() *pool.CallError {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure
}

func (w *workerEntry) commandTable() []pool.CommandInfo {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.commands
}

// directory finds workers by the token they prove themselves with. It is safe for
// concurrent use.
type directory struct {
	mu      sync.Mutex
	byToken map[string]*workerEntry // by token hash
}

func (d *directory) add(w *workerEntry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byToken[w.rec.TokenHash] = w
}

func (d *directory) remove(w *workerEntry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.byToken, w.rec.TokenHash)
}

// tell sends the settings that concern workers to all of them.
func (d *directory) tell(settings pool.Settings) {
	event := wire.Event{Event: wire.EventSettings, OrphanGraceMS: settings.OrphanGrace.D().Milliseconds()}
	frame, err := wire.AppendJSON(nil, wire.Header{Type: wire.TypeEvent, Flags: wire.FlagIgnorable}, event)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.byToken))
	d.mu.Unlock()
	for _, w := range all {
		w.sendControl(frame)
	}
}

func (d *directory) find(token string) *workerEntry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.byToken[hashToken(token)]
}

// newToken returns a secret for one worker. Only its hash is kept here.
func newToken() string { return randomHex(32) }

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// randomHex returns n random bytes in hexadecimal. Reading from crypto/rand never
// fails.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// logID names the worker's log. It may be called outside of the pool loop, since it
// reads only what of the record never changes.
func (w *workerEntry) logID() logs.ID {
	return logs.ID{Pool: w.home(), Place: w.rec.Place, Incarnation: w.rec.Incarnation, Started: w.rec.StartedAt}
}

func logID(rec pool.Worker) logs.ID {
	return logs.ID{Pool: rec.Home(), Place: rec.Place, Incarnation: rec.Incarnation, Started: rec.StartedAt}
}

// tail returns the last lines that the worker wrote, or its fork server before it
// had words of its own. It runs in the pool loop.
func (w *workerEntry) tail() string {
	if w.server != nil {
		return w.server.Tail()
	}
	return worker.Tail(w.runner.sup.logs.Last(w.logID(), worker.MaxWords))
}
