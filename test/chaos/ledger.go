package chaos

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// ledger collects what happened, for the table. It is safe for concurrent use.
type ledger struct {
	begun time.Time
	trace io.Writer // nil for none

	mu         sync.Mutex
	done       map[Kind]int
	skipped    map[Kind]map[string]int
	commands   map[string]map[int]int // by command and exit code
	violations []Violation
}

func newLedger(trace io.Writer) *ledger {
	return &ledger{
		begun: time.Now(), trace: trace, done: map[Kind]int{}, skipped: map[Kind]map[string]int{}, commands: map[string]map[int]int{},
	}
}

func (l *ledger) violate(i Invariant, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := Violation{i, fmt.Sprintf("at %.3fs: ", time.Since(l.begun).Seconds()) + fmt.Sprintf(format, args...)}
	l.violations = append(l.violations, v)
	l.write("VIOLATION  %s: %s", v.Invariant, v.Text)
}

func (l *ledger) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(format, args...)
}

// write writes a line of the trace. mu is held.
func (l *ledger) write(format string, args ...any) {
	if l.trace != nil {
		fmt.Fprintf(l.trace, "%9.3fs  "+format+"\n", append([]any{time.Since(l.begun).Seconds()}, args...)...)
	}
}

// did counts a disturbance; why is why it was skipped, empty when it was not.
func (l *ledger) did(k Kind, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if why == "" {
		l.done[k]++
		return
	}
	if l.skipped[k] == nil {
		l.skipped[k] = map[string]int{}
	}
	l.skipped[k][why]++
}

func (l *ledger) exited(command string, code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.commands[command] == nil {
		l.commands[command] = map[int]int{}
	}
	l.commands[command][code]++
}

// Result is the oracle's table.
type Result struct {
	Seed     uint64
	During   time.Duration
	Planned  map[Kind]int
	Done     map[Kind]int
	Skipped  map[Kind]map[string]int
	Commands map[string]map[int]int
	// Outcomes counts calls by how they ended for their callers.
	Outcomes           map[string]int
	Calls, Executed    int
	Supervisors        int
	Workers            int
	Healed             time.Duration
	Descriptors, Files [2]int
	// Memory is the supervisor's resident memory at the begin and at the end.
	Memory     [2]int64
	Violations []Violation
}

// Broken reports whether any invariant was violated.
func (r *Result) Broken() bool { return len(r.Violations) > 0 }

// WriteTable writes what happened and what the oracle thinks of it.
func (r *Result) WriteTable(out io.Writer) {
	row := func(name string, value any) { fmt.Fprintf(out, "%-34s %v\n", name, value) }
	row("seed", r.Seed)
	row("disturbed for", r.During)
	fmt.Fprintf(out, "%-34s %7s %7s\n", "disturbances", "planned", "done")
	for _, k := range Kinds() {
		line := []string{fmt.Sprintf("%7d %7d", r.Planned[k], r.Done[k])}
		for _, why := range slices.Sorted(maps.Keys(r.Skipped[k])) {
			line = append(line, fmt.Sprintf("(%d skipped: %s)", r.Skipped[k][why], why))
		}
		row("  "+string(k), strings.Join(line, "  "))
	}
	fmt.Fprintln(out, "commands, by exit code")
	for _, name := range slices.Sorted(maps.Keys(r.Commands)) {
		var line []string
		for _, code := range slices.Sorted(maps.Keys(r.Commands[name])) {
			line = append(line, fmt.Sprintf("%s: %d", codeName(code), r.Commands[name][code]))
		}
		row("  "+name, strings.Join(line, "  "))
	}
	row("calls", r.Calls)
	for _, outcome := range slices.Sorted(maps.Keys(r.Outcomes)) {
		row("  "+outcome, r.Outcomes[outcome])
	}
	row("executions", r.Executed)
	row("supervisors", r.Supervisors)
	row("workers", r.Workers)
	row("healed after", r.Healed.Round(time.Millisecond))
	row("descriptors, begin and end", r.Descriptors)
	row("files, begin and end", r.Files)
	row("memory in KiB, begin and end", [2]int64{r.Memory[0] >> 10, r.Memory[1] >> 10})
	r.writeInvariants(out)
}

func (r *Result) writeInvariants(out io.Writer) {
	const shown = 5 // of one invariant
	fmt.Fprintln(out, "invariants")
	broken := map[Invariant]int{}
	for _, v := range r.Violations {
		broken[v.Invariant]++
	}
	for _, i := range Invariants() {
		verdict := "ok"
		if n := broken[i]; n > 0 {
			verdict = fmt.Sprintf("VIOLATED %d times", n)
		}
		fmt.Fprintf(out, "  %-32s %s\n", i, verdict)
	}
	told := map[Invariant]int{}
	for _, v := range r.Violations {
		if told[v.Invariant]++; told[v.Invariant] <= shown {
			fmt.Fprintf(out, "\n%s: %s\n", v.Invariant, v.Text)
		}
	}
}

func codeName(code int) string {
	if code < 0 {
		return "killed"
	}
	return fmt.Sprint(code)
}
