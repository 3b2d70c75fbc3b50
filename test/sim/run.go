package sim

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
)

// Result is what became of one history or of many.
type Result struct {
	Stats
	// Violations counts them by invariant, First holds the first of each.
	Violations map[Invariant]uint64
	First      []Violation
}

// Run plays the history of a seed.
func Run(seed uint64, opts Options) Result { return play(seed, opts, nil) }

// Replay plays the history of a seed and writes its trace.
func Replay(seed uint64, opts Options, trace io.Writer) Result { return play(seed, opts, trace) }

func play(seed uint64, opts Options, trace io.Writer) Result {
	w := newWorld(seed, opts, trace)
	w.guard(w.play)
	w.stats.Simulated = w.now
	r := Result{Stats: w.stats, Violations: map[Invariant]uint64{}}
	if v := w.broken; v != nil {
		v.Seed = seed
		r.Violations[v.Invariant] = 1
		r.First = []Violation{*v}
	}
	return r
}

// Campaign plays the histories of count seeds, from first on. It goes on after a
// violation: the table tells how many there are of each.
func Campaign(first, count uint64, opts Options) Result {
	var sum Result
	for seed := first; seed < first+count; seed++ {
		sum.Add(Run(seed, opts))
	}
	return sum
}

// Add takes the result of other histories in.
func (r *Result) Add(other Result) {
	sum, add := reflect.ValueOf(&r.Stats).Elem(), reflect.ValueOf(other.Stats)
	for i := range sum.NumField() {
		if f := sum.Field(i); f.CanUint() {
			f.SetUint(f.Uint() + add.Field(i).Uint())
		} else {
			f.SetInt(f.Int() + add.Field(i).Int())
		}
	}
	for _, v := range other.First {
		if r.Violations[v.Invariant] == 0 {
			r.First = append(r.First, v)
		}
	}
	for i, n := range other.Violations {
		if r.Violations == nil {
			r.Violations = map[Invariant]uint64{}
		}
		r.Violations[i] += n
	}
}

// Broken reports whether any invariant was broken.
func (r *Result) Broken() bool { return len(r.First) > 0 }

// WriteTable writes the oracle's table.
func (r *Result) WriteTable(out io.Writer) {
	row := func(name string, value any) { fmt.Fprintf(out, "%-34s %v\n", name, value) }
	row("histories", r.Histories)
	row("simulated time", r.Simulated)
	row("events", r.Events)
	row("steps of the machines", r.Steps)
	row("commands of the machines", r.Commands)
	row("applies (carried out to the end)", fmt.Sprintf("%d (%d)", r.Applies, r.Converged))
	row("supervisor crashes", r.Crashes)
	row("supervisors told to end", r.Shutdowns)
	row("workers adopted", r.Adoptions)
	row("pauses and resumes", r.Pauses)
	row("workers started", r.Workers)
	row("workers ended (killed by a pool)", fmt.Sprintf("%d (%d)", r.Deaths, r.Kills))
	row("workers recycled", r.Recycles)
	row("workers that missed health checks", r.Unresponsive)
	row("places quarantined", r.Quarantines)
	row("turns of breakers", r.Turns)
	row("calls", r.Calls)
	row("  executed", r.Executed)
	row("  answered", r.Answered)
	row("  executed again", r.Retried)
	row("  lost with a worker, told", r.Lost)
	row("  lost with a supervisor, told", r.Severed)
	row("  asked for by call id", r.Reattached)
	row("  provably unstarted, made anew", r.Unstarted)
	fmt.Fprintln(out, "violations")
	for _, i := range Invariants() {
		row("  "+string(i), r.Violations[i])
	}
	for _, v := range r.First {
		fmt.Fprintf(out, "\n%s\n", v)
	}
}

// Tail replays a seed and returns the last lines of its trace.
func Tail(seed uint64, opts Options, lines int) []byte {
	var trace bytes.Buffer
	Replay(seed, opts, &trace)
	all := bytes.SplitAfter(trace.Bytes(), []byte("\n"))
	return bytes.Join(all[max(0, len(all)-1-lines):], nil)
}
