package chaos

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// Invariant names what must hold whatever is broken.
type Invariant string

// The invariants.
const (
	// Answered: every call ends with a result or an error, soon after its deadline.
	Answered Invariant = "every call is answered in time"
	// Once: no call is executed twice unless it is idempotent.
	Once Invariant = "no call runs twice"
	// Unstarted: a call that is said not to have started, or to be fit for another
	// try, was not executed.
	Unstarted Invariant = "unstarted means unstarted"
	// True: a result is that of the call's own execution.
	True Invariant = "results belong to their calls"
	// Counted: the last supervisor's counters are what callers saw.
	Counted Invariant = "counters reconcile"
	// Floor: rolls and recycling take no capacity.
	Floor Invariant = "capacity floor"
	// Lives: a supervisor ends only when it is told to.
	Lives Invariant = "the supervisor lives"
	// Commands: commands end in time, by a documented exit code.
	Commands Invariant = "commands end as documented"
	// Converges: once nothing is broken any more, everything heals.
	Converges Invariant = "convergence"
	// Whole: after that every call succeeds.
	Whole Invariant = "whole again"
	// Clean: no process, descriptor, file or memory is left behind.
	Clean Invariant = "nothing is left behind"
)

// Invariants returns all of them in the order of the table.
func Invariants() []Invariant {
	return []Invariant{Answered, Once, Unstarted, True, Counted, Floor, Lives, Commands, Converges, Whole, Clean}
}

// Violation is one breach of an invariant.
type Violation struct {
	Invariant Invariant
	Text      string
}

// Executions maps the token of a call to the processes that began to execute it.
type Executions map[string][]int

// readExecutions reads the log that the adapter writes.
func readExecutions(path string) (Executions, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return Executions{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return parseExecutions(file)
}

func parseExecutions(in io.Reader) (Executions, error) {
	out := Executions{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var token string
		var pid int
		if _, err := fmt.Sscanf(lines.Text(), "%s %d", &token, &pid); err != nil {
			return nil, fmt.Errorf("cannot read the execution %q: %w", lines.Text(), err)
		}
		out[token] = append(out[token], pid)
	}
	return out, lines.Err()
}

// slack is how long after its deadline a call may take to say so: the client waits
// a second for a supervisor that says nothing, and the machine is busy.
const slack = 4 * time.Second

// Judge holds the calls against the log of executions.
func Judge(calls []Call, executions Executions) []Violation {
	var out []Violation
	known := map[string]bool{}
	for i := range calls {
		c := &calls[i]
		known[c.Token] = true
		out = append(out, judgeCall(c, executions[c.Token])...)
	}
	for token := range executions {
		if !known[token] && !strings.HasPrefix(token, commandToken) {
			out = append(out, Violation{True, fmt.Sprintf("%s was executed and nobody called it", token)})
		}
	}
	return out
}

func judgeCall(c *Call, pids []int) []Violation {
	var out []Violation
	say := func(i Invariant, format string, args ...any) {
		text := fmt.Sprintf("%s of pool %s (%s after %s, executed by %v): ", c.Token, c.Pool, c.Outcome(), c.Took.Round(time.Millisecond), pids)
		out = append(out, Violation{i, text + fmt.Sprintf(format, args...)})
	}
	if !c.Answered || c.Took > c.Timeout+slack {
		say(Answered, "its timeout was %s", c.Timeout)
	}
	if len(pids) > 1 && !c.Idempotent {
		say(Once, "it is not idempotent")
	}
	switch {
	case c.Other != nil && !errors.Is(c.Other, client.ErrNoSupervisor):
		say(Answered, "the error is none of a call: %v", c.Other)
	case c.Other != nil && len(pids) > 0:
		say(Unstarted, "nobody listened, and it was executed")
	case c.Err != nil && !c.Err.Started && len(pids) > 0 && !c.Idempotent:
		say(Unstarted, "it is said not to have started: %v", c.Err)
	case c.Err != nil && c.Err.Retryable && len(pids) > 0 && !c.Idempotent:
		say(Unstarted, "it is said to be fit for another try: %v", c.Err)
	case c.Err != nil && c.Err.Category == pool.CategoryInternal, c.Err != nil && c.Err.Category == pool.CategoryProtocol:
		say(Answered, "the error is a mistake of ours: %v", c.Err)
	case c.Err != nil && c.Err.Category == pool.CategoryRaised && len(pids) == 0:
		say(True, "it raised without being executed: %v", c.Err)
	case c.Outcome() == "ok" && (c.Told.Token != c.Token || !slices.Contains(pids, c.Told.PID)):
		say(True, "it returned %+v", c.Told)
	}
	return out
}

// reconcile compares the counters of the last supervisor with what its callers saw.
// last is the number of its life, and last-1 that of the change to it: a call that
// began in it was counted by it, or never reached it; one that began before, and did
// not end before the change, may have been either, as may one that nobody saw end.
func reconcile(last int, calls []Call, counted map[string]pool.CallCounts) []Violation {
	var out []Violation
	for _, name := range declared {
		var saw pool.CallCounts
		vanished, unsure := uint64(0), uint64(0)
		for i := range calls {
			switch c := &calls[i]; {
			case c.Pool != name || c.After < last-1:
			case c.Unseen, c.Before < last:
				unsure++
			case !count(&saw, c):
				vanished++
			}
		}
		got, sum := counted[name], uint64(0)
		for _, f := range []struct{ got, want uint64 }{
			{got.OK, saw.OK},
			{got.Failed, saw.Failed},
			{got.Timeout, saw.Timeout},
			{got.Rejected, saw.Rejected},
			{got.QueueTimeout, saw.QueueTimeout},
			{got.Cancelled, saw.Cancelled},
		} {
			if f.got < f.want {
				out = append(out, Violation{Counted, fmt.Sprintf("pool %s counts %+v, its callers saw %+v", name, got, saw)})
				break
			}
			sum += f.got - f.want
		}
		if sum < vanished || sum > vanished+unsure {
			out = append(out, Violation{Counted, fmt.Sprintf(
				"pool %s counts %d calls more than its callers saw (%+v, seen %+v), want %d that were given up and at most %d of a former life or of commands",
				name, sum, got, saw, vanished, unsure)})
		}
	}
	return out
}

// count adds a call as its caller saw it end. It reports false for one that its
// caller gave up after it was sent: the supervisor knows how it ended.
func count(counts *pool.CallCounts, c *Call) bool {
	switch {
	case c.Outcome() == "ok":
		counts.OK++
	case c.Err == nil: // nobody listened
	case c.Err.Origin == "client":
		return !c.Err.Started
	case c.Err.Category == pool.CategoryDeadline:
		counts.Timeout++
	case c.Err.Category == pool.CategoryQueueTimeout:
		counts.QueueTimeout++
	case c.Err.Category == pool.CategorySaturated:
		counts.Rejected++
	default:
		counts.Failed++
	}
	return true
}
