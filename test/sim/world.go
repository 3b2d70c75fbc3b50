package sim

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
)

// Machine is what decides for one pool: a *lifecycle.Machine, or one that was
// tampered with to see whether the oracle notices.
type Machine interface {
	Step(now time.Time, e lifecycle.Event) []lifecycle.Command
	NextWake() time.Time
	View() lifecycle.View
	Progress() lifecycle.Progress
}

// Options say how histories are played.
type Options struct {
	// Wrap, if not nil, replaces each machine; it is how a test proves that a
	// mistake is found.
	Wrap func(*lifecycle.Machine) Machine
	// Limit, if not nil, returns what slots take max_requests for, instead of its value.
	Limit func(int) int
	// HalfOpen, if not nil, returns what breakers take half_open for.
	HalfOpen func(int) int
	// Careless: every call is executed again, not the idempotent ones alone.
	Careless bool
	// Forgetful: workers do not admit which calls they have forgotten.
	Forgetful bool
}

// world is everything outside the supervisor: time, processes, callers, the disk.
type world struct {
	clock
	rng  *rand.Rand
	opts Options
	// calm: no fault ever happens in this history. faults: they may happen now.
	calm, faults bool
	// quiet: the callers have left.
	quiet bool

	disk      disk
	processes []*process // those that live, in the order of their start
	pids      int
	calls     int
	waiting   map[*call]bool // calls that were not answered yet
	loose     []*call        // those of them whose callers look for a supervisor

	sup        *supervisor // nil while none runs
	operations int
	trace      io.Writer // nil for none
	stats      Stats
	broken     *Violation // the first; it ends the history
}

// Stats count what happened.
type Stats struct {
	Histories, Events, Steps, Commands       uint64
	Applies, Converged, Crashes, Adoptions   uint64
	Workers, Deaths, Kills, Quarantines      uint64
	Recycles, Unresponsive                   uint64
	Pauses, Shutdowns, Turns, Retried        uint64
	Calls, Executed, Answered, Lost, Severed uint64
	Reattached, Unstarted                    uint64
	// Simulated is the sum of the simulated times.
	Simulated time.Duration
}

func newWorld(seed uint64, opts Options, trace io.Writer) *world {
	w := &world{
		rng: rand.New(rand.NewPCG(seed, 0x736e616b65)), opts: opts, trace: trace, disk: newDisk(),
		waiting: map[*call]bool{},
	}
	w.stats.Histories = 1
	w.calm = w.chance(15)
	w.faults = !w.calm
	return w
}

// run lets time pass until d from now, or until an invariant is broken.
func (w *world) run(d time.Duration) {
	for end := w.now + d; w.broken == nil; {
		do, ok := w.next(end)
		if !ok {
			return
		}
		w.stats.Events++
		do()
	}
}

// runUntil lets time pass until done, but no longer than limit; it reports
// whether it got there.
func (w *world) runUntil(limit time.Duration, done func() bool) bool {
	for end := w.now + limit; w.broken == nil && !done(); {
		do, ok := w.next(end)
		if !ok {
			return done()
		}
		w.stats.Events++
		do()
	}
	return true
}

// guard plays fn; a panic in it is a violation too.
func (w *world) guard(fn func()) {
	defer func() {
		if r := recover(); r != nil {
			w.violate(InvariantPanic, "%v\n%s", r, debug.Stack())
		}
	}()
	fn()
}

func (w *world) note(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%9.4fs  "+format+"\n", append([]any{w.now.Seconds()}, args...)...)
	}
}

// chance reports true in percent of all cases.
func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

// fault is chance while faults may happen.
func (w *world) fault(percent int) bool { return w.faults && w.chance(percent) }

// between draws a length of time.
func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.rng.Int64N(int64(most-least)+1))
}

func pick[T any](w *world, of ...T) T { return of[w.rng.IntN(len(of))] }
