package sim

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// Invariant names what must hold in every history.
type Invariant string

// The invariants.
const (
	// InvariantAnswered: every call is answered, once, and in time.
	InvariantAnswered Invariant = "every call is answered once"
	// InvariantOnce: no call is executed twice but an idempotent one, no other one that
	// began is called retryable, and no worker gets one beside another or behind DRAIN.
	InvariantOnce Invariant = "no call runs twice"
	// InvariantBreaker: a closed breaker refuses no call, a half open one lets no more in
	// than it may.
	InvariantBreaker Invariant = "breaker in bounds"
	// InvariantCounters: the counters are what callers and processes saw.
	InvariantCounters Invariant = "counters reconcile"
	// InvariantCapacity: a rolling change leaves at least the smaller size less
	// max_unavailable ready; crashes are not its doing.
	InvariantCapacity Invariant = "capacity floor"
	// InvariantPlaces: a place has at most one serving worker and one replacement,
	// starts and surge keep their limits, recreate never mixes launch hashes.
	InvariantPlaces Invariant = "places and limits"
	// InvariantRequests: a worker executes exactly max_requests calls, under however
	// many supervisors.
	InvariantRequests Invariant = "exact max_requests"
	// InvariantRecycling: workers are recycled when their time is over, for one that is
	// ready, max_recycling at a time.
	InvariantRecycling Invariant = "recycling in time and bounds"
	// InvariantLaunch: workers are started with launch hashes that are known.
	InvariantLaunch Invariant = "known launch hashes"
	// InvariantTarget: commands speak of workers that live.
	InvariantTarget Invariant = "commands name living workers"
	// InvariantConverge: after the faults operations end, the plan is empty.
	InvariantConverge Invariant = "convergence"
	// InvariantLeak: no process and no record outlives its purpose.
	InvariantLeak Invariant = "no leak"
	// InvariantDisk: what is recorded is what runs.
	InvariantDisk Invariant = "disk agrees"
	// InvariantSpin: a pool wakes a bounded number of times a second.
	InvariantSpin Invariant = "no spinning"
	// InvariantPanic: nothing panics.
	InvariantPanic Invariant = "no panic"
)

// Invariants lists all of them, in the order of the table.
func Invariants() []Invariant {
	return []Invariant{
		InvariantAnswered, InvariantOnce, InvariantBreaker, InvariantCounters, InvariantCapacity, InvariantPlaces, InvariantRequests, InvariantRecycling,
		InvariantLaunch, InvariantTarget, InvariantConverge, InvariantLeak, InvariantDisk, InvariantSpin, InvariantPanic,
	}
}

// Violation is an invariant that a history broke. A history ends with its first.
type Violation struct {
	Seed      uint64
	At        time.Duration
	Invariant Invariant
	Text      string
}

// String returns the violation in one line and its details.
func (v Violation) String() string {
	return fmt.Sprintf("seed %d, at %.4fs: %s: %s", v.Seed, v.At.Seconds(), v.Invariant, v.Text)
}

func (w *world) violate(i Invariant, format string, args ...any) {
	if w.broken != nil {
		return
	}
	w.broken = &Violation{At: w.now, Invariant: i, Text: fmt.Sprintf(format, args...)}
	w.note("VIOLATION  %s: %s", i, w.broken.Text)
}

// answered notes the answer that a caller got.
func (w *world) answered(c *call, o outcome, retryable bool) {
	w.stats.Answered++
	if c.answers++; c.answers > 1 {
		w.violate(InvariantAnswered, "%s was answered %d times, now with %s", c, c.answers, o)
	}
	if retryable && c.runs > 0 && !c.idempotent {
		w.violate(InvariantOnce, "%s was executed and its caller told to try again (%s)", c, o)
	}
	if w.now > c.deadline+50*time.Millisecond {
		w.violate(InvariantAnswered, "%s was answered %s after its deadline", c, w.now-c.deadline)
	}
	if w.trace != nil {
		w.note("%s  answered: %s", c, o)
	}
	delete(w.waiting, c)
}

// serving counts the places below limit whose worker takes calls.
func (r *runner) serving(limit int) int {
	var served uint
	for _, e := range r.workers {
		if e.p.place < limit && e.serves() {
			served |= 1 << e.p.place
		}
	}
	return bits.OnesCount(served)
}

// everyPlace is a limit above any size.
const everyPlace = 16

// checkStep looks at a pool after the machine's commands for one event were done.
// before is how many places were served when the event came, kept how many of
// those that the size leaves.
func (r *runner) checkStep(before, kept int) {
	w := r.s.w
	after := r.serving(everyPlace)
	floor := min(before, r.size, kept) - r.spec.Update.MaxUnavailable.Of(r.size)
	rolling := r.spec.Update.Strategy == pool.StrategyRolling && !r.ending
	if rolling && after < floor {
		w.violate(InvariantCapacity, "%s: commands left %d of %d places served, want at least %d", r.addr, after, before, floor)
	}
	if w.calm && rolling {
		if after < r.floor {
			w.violate(InvariantCapacity, "%s: %d places served in a history without faults, want at least %d", r.addr, after, r.floor)
		}
		r.floor = max(r.floor, min(after, r.size)-r.spec.Update.MaxUnavailable.Of(r.size))
	}
	r.checkPlaces()
}

// lower takes a new size or policy into the floor of a calm history.
func (r *runner) lower() {
	r.floor = min(r.floor, r.serving(r.size)-r.spec.Update.MaxUnavailable.Of(r.size))
}

func (r *runner) checkPlaces() {
	var held [everyPlace]int
	for _, e := range r.workers {
		if e.trial != nil || e.leaving {
			continue
		}
		if held[e.p.place]++; held[e.p.place] > 2 {
			r.s.w.violate(InvariantPlaces, "%s/%d has %d workers that are not leaving", r.addr, e.p.place, held[e.p.place])
		}
	}
}

// checkCounters compares a dispatcher's counters with what it was given.
func (d *dispatcher) checkCounters() {
	c := d.counts
	settled := c.OK + c.Failed + c.Timeout + c.Rejected + c.QueueTimeout + c.Cancelled
	open := uint64(len(d.queue) + len(d.resting))
	for _, s := range d.slots {
		if s.call != nil && !s.call.settled {
			open++
		}
	}
	for _, c := range d.s.ledger.open() {
		if c.d == d {
			open++
		}
	}
	if d.taken != settled+open || d.told != c {
		d.w.violate(InvariantCounters, "%s: %d calls taken, %d settled, %d open; counted %+v, callers saw %+v", d.addr, d.taken, settled, open, c, d.told)
	}
}
