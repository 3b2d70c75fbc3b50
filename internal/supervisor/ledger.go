package supervisor

import (
	"log/slog"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// maxHeld bounds the answers that the ledger holds for callers who may come.
const maxHeld = 256 << 20

// ledger keeps the calls that outlived the supervisor, or the connection, that they
// were made through: those that a worker executes for nobody here, the answers that
// nobody has fetched, and the callers who ask for a call of which no worker has told
// yet. It also keeps what workers remember, to tell a call that was never executed
// from one whose fate is unknown. It is safe for concurrent use.
type ledger struct {
	log *slog.Logger
	// started is when this supervisor began, a reading of wire.Monotonic.
	started int64
	// told is closed when every slot of the former supervisor's workers has told of its
	// calls, or is gone.
	told chan struct{}

	// mu guards what follows. While it is held only the dispatcher's mu is taken.
	mu      sync.Mutex
	entries map[wire.CallID]*entry
	held    int // bytes of the answers
	// executed names the worker of calls that were executed; not all of them have an
	// entry.
	executed map[wire.CallID]string
	// silent are the slots of the former supervisor's workers that have not told yet.
	silent map[*slot]bool
	// incomplete: a call that was sent before may have been executed by a worker that
	// does not remember it.
	incomplete int64
	// grace is how long an answer is held.
	grace time.Duration
	timer *time.Timer
}

// entryState is where the call of an entry is.
type entryState int

const (
	// entryAwaited: a caller asks for it and no worker has told of it.
	entryAwaited entryState = iota
	// entryRunning: a worker executes it and no caller has asked for it. Once one
	// does, the call is its slot's and the entry ends.
	entryRunning
	// entryArriving: its answer is on the way from its worker.
	entryArriving
	// entryHeld: its answer is here and no caller has asked for it.
	entryHeld
)

// entry is one call of the ledger.
type entry struct {
	state  entryState
	slot   *slot  // nil while awaited
	frames []byte // of the answer
	heldAt time.Time
	claim  *call // who asks for it, nil for nobody
	// earliest and latest bound when the claim's client sent the call.
	earliest, latest int64
}

func newLedger(log *slog.Logger) *ledger {
	l := &ledger{
		log: log, started: wire.Monotonic(), told: make(chan struct{}), entries: map[wire.CallID]*entry{},
		executed: map[wire.CallID]string{}, silent: map[*slot]bool{}, grace: 30 * time.Second,
	}
	close(l.told)
	return l
}

// forgets notes that calls sent before a moment may have been executed by somebody
// who cannot tell of them.
func (l *ledger) forgets(at int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.incomplete = max(l.incomplete, at)
}

// expect notes that a worker of the former supervisor has still to tell of its
// calls. Call it before any worker is served.
func (l *ledger) expect(w *workerEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.silent) == 0 {
		l.told = make(chan struct{})
	}
	for _, s := range w.slots.all {
		l.silent[s] = true
	}
}

// settled returns a channel that is closed when no worker is silent any more.
func (l *ledger) settled() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told
}

// executing takes up which call a worker's control connection says is running in a
// slot. It is the last one that the slot was given: what it remembers is complete.
func (l *ledger) executing(s *slot, id wire.CallID, past wire.History) {
	l.mu.Lock()
	if !s.executesUnknown() {
		l.mu.Unlock()
		return // its slot has connected meanwhile, and tells more; or the call is our own
	}
	e := l.entries[id]
	switch {
	case e == nil:
		l.entries[id] = &entry{state: entryRunning, slot: s}
	case e.state != entryAwaited:
	case s.bind(e.claim):
		delete(l.entries, id)
	default: // its slot connects at this moment
		l.mu.Unlock()
		return
	}
	judgements := l.testimony(s, past)
	l.mu.Unlock()
	deliverJudgements(judgements)
}

// testify takes up what a slot remembers that has connected again and is idle: the
// answers that it kept follow. claim is the call of this supervisor among them, or nil.
func (l *ledger) testify(s *slot, past wire.History, claim *call) {
	l.mu.Lock()
	var judgements []judgement
	for _, id := range past.Kept {
		e := l.entries[id]
		if e == nil {
			e = &entry{}
			l.entries[id] = e
		}
		l.release(e) // it comes again from its beginning
		e.state, e.slot = entryArriving, s
		if claim != nil && claim.id == id {
			e.claim = claim
		}
	}
	for id, e := range l.entries {
		if e.slot != s || e.state != entryRunning {
			continue
		}
		l.executed[id] = s.worker.incarnation() // and its answer is lost
		if e.claim != nil {
			judgements = append(judgements, judgement{e.claim, l.judge(id, e)})
		}
		delete(l.entries, id)
	}
	judgements = append(judgements, l.testimony(s, past)...)
	l.mu.Unlock()
	deliverJudgements(judgements)
}

// testimony takes up what a slot remembers. mu is held.
func (l *ledger) testimony(s *slot, past wire.History) []judgement {
	if !l.silent[s] {
		return nil // what it did for this supervisor, this supervisor knows
	}
	for _, id := range past.Executed {
		l.executed[id] = s.worker.incarnation()
	}
	if past.Known {
		l.incomplete = max(l.incomplete, past.CompleteSince)
	} else {
		l.incomplete = wire.Monotonic()
	}
	return l.heard(s)
}

// heard notes that a slot has told of its calls. mu is held.
func (l *ledger) heard(s *slot) []judgement {
	if !l.silent[s] {
		return nil
	}
	delete(l.silent, s)
	if len(l.silent) > 0 {
		return nil
	}
	close(l.told)
	var out []judgement
	for id, e := range l.entries {
		if e.state == entryAwaited {
			out = append(out, judgement{e.claim, l.judge(id, e)})
			delete(l.entries, id)
		}
	}
	return out
}

// gone takes up that a worker has died: what it has not told of is unknown for good.
func (l *ledger) gone(w *workerEntry) {
	l.mu.Lock()
	var judgements []judgement
	for _, s := range w.slots.all {
		if l.silent[s] {
			l.incomplete = wire.Monotonic()
		}
		judgements = append(judgements, l.heard(s)...)
	}
	for id, e := range l.entries {
		if e.slot == nil || e.slot.worker != w || e.state == entryHeld {
			continue
		}
		l.executed[id] = w.incarnation()
		if e.claim != nil {
			judgements = append(judgements, judgement{e.claim, l.judge(id, e)})
		}
		l.release(e)
		delete(l.entries, id)
	}
	l.mu.Unlock()
	deliverJudgements(judgements)
}

// take takes one frame of an answer that a worker kept. It reports whether it was
// the last one of that answer.
func (l *ledger) take(id wire.CallID, h wire.Header, frame []byte) (last bool) {
	last = h.End() || h.Type == wire.TypeError
	l.mu.Lock()
	e := l.entries[id]
	if e == nil || e.state != entryArriving {
		l.mu.Unlock()
		return last // it was too much to hold
	}
	if l.held+len(frame) > maxHeld {
		l.drop(id, e, "too many answers wait for their callers")
		claim := e.claim
		v := judgement{claim, l.judge(id, e)}
		l.mu.Unlock()
		if claim != nil {
			deliverJudgements([]judgement{v})
		}
		return last
	}
	l.held += len(frame)
	e.frames = append(e.frames, frame...)
	var claim *call
	var answer []byte
	if last {
		claim = e.claim
		if claim == nil {
			l.hold(e)
		} else {
			answer = e.frames
			l.release(e)
			delete(l.entries, id)
		}
	}
	worker := e.slot.entry()
	l.mu.Unlock()
	if claim != nil {
		claim.answerWhole(answer, worker)
	}
	return last
}

// claim asks for a call that was sent between two moments through a connection that
// is gone. The call is answered before long, or when its worker does so.
func (l *ledger) claim(c *call, earliest, latest int64) {
	l.mu.Lock()
	e := l.entries[c.id]
	if e == nil {
		e = &entry{}
	}
	var judgements []judgement
	if former := e.claim; former != nil {
		judgements = append(judgements, judgement{former, pool.NewCallError(pool.CategoryCancelled, "another connection asks for the call")})
	}
	e.claim, e.earliest, e.latest = c, earliest, latest
	var answer []byte
	s := e.slot
	switch {
	case e.state == entryHeld:
		answer = e.frames
		l.release(e)
		delete(l.entries, c.id)
	case e.state == entryArriving:
		l.limit(c)
	case e.state == entryRunning:
		if s.bind(c) {
			delete(l.entries, c.id)
		} // else its slot has connected: its answer comes, or is lost
	case len(l.silent) == 0 || c.idempotent:
		delete(l.entries, c.id)
		judgements = append(judgements, judgement{c, l.judge(c.id, e)})
	default:
		l.entries[c.id] = e
		l.limit(c)
	}
	l.mu.Unlock()
	deliverJudgements(judgements)
	if answer != nil {
		c.answerWhole(answer, s.entry())
	}
}

// claimOf returns the entry of a claim, an empty one when there is none.
func (l *ledger) claimOf(c *call) entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.entries[c.id]; e != nil && e.claim == c {
		return *e
	}
	return entry{}
}

// limit ends a claim at its deadline, while it is here.
func (l *ledger) limit(c *call) {
	time.AfterFunc(time.Duration(max(0, c.deadline-wire.Monotonic())), func() { l.overdue(c) })
}

// overdue answers a claim whose deadline passed before an answer was there.
func (l *ledger) overdue(c *call) {
	l.mu.Lock()
	e := l.entries[c.id]
	waiting := e != nil && e.claim == c
	if waiting {
		e.claim = nil
		if e.state == entryAwaited {
			delete(l.entries, c.id)
		}
	}
	l.mu.Unlock()
	if waiting {
		err := pool.NewCallError(pool.CategoryDeadline, "the deadline passed before its workers told what became of the call")
		err.Started = true // as far as anybody knows
		deliverJudgements([]judgement{{c, err}})
	}
}

// hold keeps a whole answer for a while. mu is held.
func (l *ledger) hold(e *entry) {
	e.state, e.heldAt = entryHeld, time.Now()
	if l.timer == nil {
		l.timer = time.AfterFunc(l.grace, l.expire)
	}
}

// release forgets the frames of an entry. mu is held.
func (l *ledger) release(e *entry) {
	l.held -= len(e.frames)
	e.frames = nil
}

func (l *ledger) drop(id wire.CallID, e *entry, why string) {
	l.release(e)
	delete(l.entries, id)
	l.log.Warn("dropped the answer of a call", "call", id.String(), "worker", e.slot.worker.incarnation(), "reason", why)
}

// expire drops the answers that nobody came for. Most were delivered long ago: a
// worker sends its last ones again, whatever became of them.
func (l *ledger) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = nil
	dropped, left := 0, false
	for id, e := range l.entries {
		switch {
		case e.state != entryHeld:
		case time.Since(e.heldAt) >= l.grace:
			l.release(e)
			delete(l.entries, id)
			dropped++
		default:
			left = true
		}
	}
	if left {
		l.timer = time.AfterFunc(l.grace, l.expire)
	}
	if dropped > 0 {
		l.log.Info("dropped answers that nobody fetched", "calls", dropped, "after", l.grace.String())
	}
}

// close ends the ledger's timer.
func (l *ledger) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
}
