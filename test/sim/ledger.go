package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/dispatch"
)

// heldFor is how long an answer is held that nobody came for.
const heldFor = 2 * time.Second

// ledger keeps the calls that outlived the supervisor they were made through, as the
// real one does. What becomes of those that no worker has an answer to is judged by the
// real testimony.
type ledger struct {
	w        *world
	known    dispatch.Testimony
	silent   map[*slot]bool
	executed map[*call]bool
	entries  map[*call]*claim
}

type claimState int

const (
	// awaited: a caller asks for it and no worker has told of it.
	awaited claimState = iota
	// running: a worker executes it and no caller has asked for it.
	running
	// arriving: its answer is on the way from its worker.
	arriving
	// held: its answer is here and no caller has asked for it.
	held
)

// claim is one call of the ledger.
type claim struct {
	state claimState
	slot  *slot
	ok    bool
	// asked: its caller waits for it here.
	asked bool
}

func (w *world) newLedger() *ledger {
	return &ledger{
		w: w, known: dispatch.Testimony{Began: int64(w.now)}, silent: map[*slot]bool{}, executed: map[*call]bool{}, entries: map[*call]*claim{},
	}
}

func (l *ledger) forgets(at time.Duration) { l.known.Incomplete = max(l.known.Incomplete, int64(at)) }

// expect notes that an adopted worker has still to tell of its calls.
func (l *ledger) expect(s *slot) { l.silent[s], l.known.Silent = true, l.known.Silent+1 }

// sorted returns the calls in an order of their own.
func (l *ledger) sorted() []*call {
	return slices.SortedFunc(maps.Keys(l.entries), func(a, b *call) int { return a.id - b.id })
}

// open returns the calls that are asked for and not answered.
func (l *ledger) open() []*call {
	return slices.DeleteFunc(l.sorted(), func(c *call) bool { return !l.entries[c].asked || c.settled })
}

// judge ends a claim that no answer was found for.
func (l *ledger) judge(c *call) {
	d := c.d
	switch l.known.Judge(l.executed[c], int64(c.earliest), int64(c.latest)) {
	case dispatch.FateUnstarted:
		if !c.settled {
			c.settled = true
			d.taken-- // its client makes it anew, and it is that one which is counted
			l.w.stats.Unstarted++
			l.w.resubmit(c)
		}
	case dispatch.FateExecuted, dispatch.FateUnknown:
		if !d.settle(c, outcomeFailed) {
			return
		}
		d.lost++
		l.w.stats.Lost++
		if c.idempotent && c.resends < maxResends {
			c.resends++
			count(&d.told, outcomeFailed)
			l.w.resubmit(c)
			return
		}
		d.answer(c, outcomeFailed, c.idempotent)
	}
}

// executing takes up which call a control connection says is running in a slot.
func (l *ledger) executing(s *slot, c *call, told past) {
	if s.call == nil || !s.call.phantom {
		return
	}
	e := l.entries[c]
	switch {
	case e == nil:
		l.entries[c] = &claim{state: running, slot: s}
	case e.state != awaited:
	case s.bind(c):
		delete(l.entries, c)
	}
	l.testimony(s, told)
}

// testify takes up what a slot remembers that has connected again; own is the call of
// this supervisor whose answer follows, or nil.
func (l *ledger) testify(s *slot, told past, own *call) {
	for _, a := range told.kept {
		e := l.entries[a.call]
		if e == nil {
			e = &claim{}
			l.entries[a.call] = e
		}
		e.state, e.slot = arriving, s
		if a.call == own {
			e.asked = true
		}
	}
	l.lose(func(e *claim) bool { return e.slot == s && e.state == running })
	l.testimony(s, told)
}

// lose ends the entries whose answers are lost.
func (l *ledger) lose(lost func(*claim) bool) {
	for _, c := range l.sorted() {
		if e := l.entries[c]; lost(e) {
			l.executed[c] = true
			delete(l.entries, c)
			if e.asked {
				l.judge(c)
			}
		}
	}
}

// testimony takes up what a slot remembers, once.
func (l *ledger) testimony(s *slot, told past) {
	if !l.silent[s] {
		return
	}
	for _, c := range told.executed {
		l.executed[c] = true
	}
	l.forgets(told.completeSince)
	l.heard(s)
}

// heard notes that a slot has told of its calls, or never will.
func (l *ledger) heard(s *slot) {
	if !l.silent[s] {
		return
	}
	delete(l.silent, s)
	if l.known.Silent--; l.known.Silent > 0 {
		return
	}
	for _, c := range l.sorted() {
		if l.entries[c].state == awaited {
			delete(l.entries, c)
			l.judge(c)
		}
	}
}

// gone takes up that a worker has died.
func (l *ledger) gone(s *slot) {
	if l.silent[s] {
		l.forgets(l.w.now)
	}
	l.heard(s)
	l.lose(func(e *claim) bool { return e.slot == s && e.state != held })
}

// take takes an answer that a worker kept.
func (l *ledger) take(c *call, ok bool) {
	e := l.entries[c]
	switch {
	case e == nil || e.state != arriving:
	case e.asked:
		delete(l.entries, c)
		c.answerLate(ok)
	default:
		e.state, e.ok = held, ok
		l.w.sup.after(heldFor, func() {
			if l.entries[c] == e && e.state == held {
				delete(l.entries, c)
			}
		})
	}
}

// claim asks for a call that was made through another supervisor.
func (l *ledger) claim(c *call) {
	l.w.stats.Reattached++
	e := l.entries[c]
	if e == nil {
		e = &claim{}
	}
	e.asked = true
	switch {
	case e.state == held:
		delete(l.entries, c)
		c.answerLate(e.ok)
	case e.state == arriving:
		l.limit(c)
	case e.state == running:
		if e.slot.bind(c) {
			delete(l.entries, c)
		} else {
			l.limit(c)
		}
	case l.known.Silent == 0 || c.idempotent:
		delete(l.entries, c)
		l.judge(c)
	default:
		l.entries[c] = e
		l.limit(c)
	}
}

// limit ends a claim at its deadline, while it is here.
func (l *ledger) limit(c *call) {
	l.w.sup.after(c.deadline-l.w.now, func() {
		e := l.entries[c]
		if e == nil || !e.asked {
			return
		}
		e.asked = false
		if e.state == awaited {
			delete(l.entries, c)
		}
		c.d.fail(c, outcomeTimeout, false)
	})
}

// answerLate gives a claim the answer that its worker kept.
func (c *call) answerLate(ok bool) {
	o := outcomeFailed
	if ok {
		o = outcomeOK
	}
	c.d.fail(c, o, false)
}

// bind makes a call of a former supervisor, which the slot executes, its own.
func (s *slot) bind(c *call) bool {
	if s.call == nil || !s.call.phantom {
		return false
	}
	if c.settled {
		return true // nobody wants it any more
	}
	c.slot, c.bound, c.wantedUntil = s, true, c.deadline
	s.call = c
	s.arm(c, c.deadline)
	return true
}
