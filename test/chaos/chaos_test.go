package chaos

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// TestScheduleIsAFunctionOfTheSeed also wants every kind in a long one, and a longer
// one to begin like a shorter one.
func TestScheduleIsAFunctionOfTheSeed(t *testing.T) {
	first, second := Plan(7, 10*time.Minute), Plan(7, 10*time.Minute)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("Plan(7) twice (-first +second):\n%s", diff)
	}
	if short := Plan(7, time.Minute); !cmp.Equal(short, first[:len(short)]) {
		t.Errorf("a minute of seed 7 is not the begin of ten")
	}
	if cmp.Equal(first, Plan(8, 10*time.Minute)) {
		t.Error("seeds 7 and 8 have one schedule")
	}
	seen := map[Kind]int{}
	for _, d := range first {
		seen[d.Kind]++
	}
	for _, k := range Kinds() {
		if seen[k] < 5 {
			t.Errorf("ten minutes have %q %d times", k, seen[k])
		}
	}
	var text bytes.Buffer
	WriteSchedule(&text, first)
	if n := strings.Count(text.String(), "\n"); n != len(first) {
		t.Errorf("WriteSchedule wrote %d lines for %d disturbances", n, len(first))
	}
}

// TestVariantsDiffer also wants that every variant declares the pools that are
// compared.
func TestVariantsDiffer(t *testing.T) {
	texts := map[string]bool{}
	for number := range uint64(40) {
		dir := t.TempDir()
		if err := variant(number).write(dir, "/log"); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "pools.hcl"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range declared {
			if !strings.Contains(string(text), "pool \""+name+"\"") || strings.Contains(string(text), "SIZE_") {
				t.Errorf("variant %d does not declare %s:\n%s", number, name, text)
			}
		}
		texts[string(text)] = true
	}
	if len(texts) < 20 {
		t.Errorf("40 variants have %d texts", len(texts))
	}
}

// fine is a call that went as it should.
func fine() Call {
	c := Call{Token: "c0-1", Pool: "plain", Timeout: time.Second, Took: time.Millisecond, Answered: true}
	c.Told.Token, c.Told.PID = "c0-1", 11
	return c
}

func failed(category pool.Category, started, retryable bool) *client.Error {
	e := pool.NewCallError(category, "as planted")
	e.Started, e.Retryable = started, retryable
	return e
}

// TestMistakesAreFound plants one breach after the other.
func TestMistakesAreFound(t *testing.T) {
	const log = "c0-1 11\n"
	for _, tt := range []struct {
		name   string
		want   Invariant // empty for none
		log    string
		change func(*Call)
	}{
		{name: "nothing", log: log, change: func(*Call) {}},
		{name: "a call never ends", want: Answered, log: log, change: func(c *Call) { c.Answered = false }},
		{name: "a call ends long after its deadline", want: Answered, log: log, change: func(c *Call) { c.Took = time.Minute }},
		{name: "an error that is none of a call", want: Answered, change: func(c *Call) { c.Other = os.ErrClosed }},
		{name: "a mistake of ours", want: Answered, log: log, change: func(c *Call) { c.Err = failed(pool.CategoryInternal, true, false) }},
		{name: "a call runs twice", want: Once, log: log + "c0-1 12\n", change: func(*Call) {}},
		{name: "an idempotent call runs twice", log: log + "c0-1 12\n", change: func(c *Call) { c.Idempotent = true }},
		{name: "it ran, and is said not to have", want: Unstarted, log: log, change: func(c *Call) { c.Err = failed(pool.CategoryDeadline, false, false) }},
		{name: "it ran, and may be tried again", want: Unstarted, log: log, change: func(c *Call) { c.Err = failed(pool.CategoryWorkerDied, true, true) }},
		{name: "it ran, and nobody listened", want: Unstarted, log: log, change: func(c *Call) { c.Other = client.ErrNoSupervisor }},
		{name: "it did not run, and nobody listened", change: func(c *Call) { c.Other = client.ErrNoSupervisor }},
		{name: "its worker died", log: log, change: func(c *Call) { c.Err = failed(pool.CategoryWorkerDied, true, false) }},
		{name: "a result of nothing", want: True, change: func(*Call) {}},
		{name: "a result of another call", want: True, log: log, change: func(c *Call) { c.Told.Token = "c0-2" }},
		{name: "a result of another process", want: True, log: log, change: func(c *Call) { c.Told.PID = 12 }},
		{name: "it raised and never ran", want: True, change: func(c *Call) { c.Err = failed(pool.CategoryRaised, true, false) }},
		{name: "a call that nobody made", want: True, log: log + "c9-9 11\n", change: func(*Call) {}},
		{name: "a call that a command made", log: log + "command-9 11\n", change: func(*Call) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			executions, err := parseExecutions(strings.NewReader(tt.log))
			if err != nil {
				t.Fatal(err)
			}
			call := fine()
			tt.change(&call)
			var got []Invariant
			for _, v := range Judge([]Call{call}, executions) {
				got = append(got, v.Invariant)
			}
			if tt.want == "" && len(got) > 0 || tt.want != "" && !slices.Contains(got, tt.want) {
				t.Errorf("Judge found %q, want %q", got, tt.want)
			}
		})
	}
}

// TestCountersAreCompared plants counters that do not fit the calls of the last life,
// which is number 4.
func TestCountersAreCompared(t *testing.T) {
	with := func(before, after int, change func(*Call)) Call {
		c := fine()
		c.Before, c.After = before, after
		if change != nil {
			change(&c)
		}
		return c
	}
	left := func(c *Call) {
		c.Err = failed(pool.CategoryCancelled, true, false)
		c.Err.Origin = "client"
	}
	calls := []Call{
		with(0, 0, nil), with(2, 3, nil), // of a former life; of the change
		with(4, 4, nil), with(4, 4, nil), with(4, 4, left),
		with(4, 4, func(c *Call) { c.Err = failed(pool.CategorySaturated, false, true) }),
		{Pool: "plain", Unseen: true, Before: 1, After: 2},
	}
	commanded := append(slices.Clone(calls), Call{Pool: "plain", Unseen: true, Before: 4, After: 4})
	for _, tt := range []struct {
		name   string
		counts pool.CallCounts
		ok     bool
	}{
		{"exact", pool.CallCounts{OK: 2, Rejected: 1, Cancelled: 1}, true},
		{"with the one of the change", pool.CallCounts{OK: 3, Rejected: 1, Cancelled: 1}, true},
		{"the one that left was done before", pool.CallCounts{OK: 3, Rejected: 1}, true},
		{"one was not counted", pool.CallCounts{OK: 1, Rejected: 1, Cancelled: 1}, false},
		{"the one that left was not counted", pool.CallCounts{OK: 2, Rejected: 1}, false},
		{"counted twice", pool.CallCounts{OK: 4, Rejected: 1, Cancelled: 1}, false},
		{"counted as something else", pool.CallCounts{OK: 3, Cancelled: 1}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := reconcile(4, calls, map[string]pool.CallCounts{"plain": tt.counts}); tt.ok != (len(got) == 0) {
				t.Errorf("reconcile(%+v) = %v, want ok to be %t", tt.counts, got, tt.ok)
			}
			tt.counts.Cancelled++ // the one of the command
			if got := reconcile(4, commanded, map[string]pool.CallCounts{"plain": tt.counts}); tt.ok && len(got) > 0 {
				t.Errorf("reconcile(%+v) = %v, though a command made one more", tt.counts, got)
			}
		})
	}
}

// TestLivesAreWatched plants supervisors that nobody told to end, counters that fall
// and capacity that is lost.
func TestLivesAreWatched(t *testing.T) {
	status := func(pid, ready int, ok uint64) *client.Status {
		return &client.Status{
			Supervisor: client.SupervisorStatus{PID: pid},
			Pools:      []client.PoolStatus{{Address: "pool." + calmPool, Size: calmSize, Ready: ready, Calls: client.CallCounts{OK: ok}}},
		}
	}
	watched := func(steps ...func(*lives)) []Invariant {
		l := &lives{ledger: newLedger(nil), told: map[int]bool{}, workers: map[string]bool{}}
		for _, step := range steps {
			step(l)
		}
		var out []Invariant
		for _, v := range l.ledger.violations {
			out = append(out, v.Invariant)
		}
		return out
	}
	see := func(pid, ready int, ok uint64) func(*lives) { return func(l *lives) { l.see(status(pid, ready, ok)) } }
	old := func(l *lives) { l.since = l.since.Add(-time.Minute) }
	told := func(l *lives) { l.ending(1)(false) }
	replaced := func(l *lives) { l.ending(1)(true) }
	for _, tt := range []struct {
		name  string
		steps []func(*lives)
		want  []Invariant
	}{
		{"one life", []func(*lives){see(1, 3, 1), old, see(1, 3, 2)}, nil},
		{"told to end", []func(*lives){see(1, 3, 9), told, see(2, 3, 1)}, nil},
		{"replaced in place", []func(*lives){see(1, 3, 9), replaced, see(1, 3, 10)}, nil},
		{"replaced in place, then by another", []func(*lives){see(1, 3, 9), replaced, see(2, 3, 1)}, []Invariant{Lives}},
		{"replaced", []func(*lives){see(1, 3, 9), see(2, 3, 1)}, []Invariant{Lives}},
		{"gone", []func(*lives){see(1<<30, 3, 9), (*lives).miss, (*lives).miss}, []Invariant{Lives}},
		{"a counter falls", []func(*lives){see(1, 3, 9), see(1, 3, 8)}, []Invariant{Counted}},
		{"a place is empty", []func(*lives){see(1, 3, 1), old, see(1, 2, 1)}, []Invariant{Floor}},
		{"a place is empty while workers are adopted", []func(*lives){see(1, 2, 1)}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, watched(tt.steps...)); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}
