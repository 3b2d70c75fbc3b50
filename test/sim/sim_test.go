package sim_test

import (
	"bytes"
	"flag"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/test/sim"
)

var seeds = flag.Uint64("sim.seeds", histories, "how many histories TestHistories plays")

// TestHistories plays a part of what make sim plays.
func TestHistories(t *testing.T) {
	t.Parallel()
	result := sim.Campaign(1, *seeds, sim.Options{})
	var table bytes.Buffer
	result.WriteTable(&table)
	t.Logf("\n%s", &table)
	for _, v := range result.First {
		t.Errorf("%s\nreplay it: make sim SEED=%d\n%s", v, v.Seed, sim.Tail(v.Seed, sim.Options{}, 40))
	}
	// A world in which nothing happens would pass as well.
	for name, n := range map[string]uint64{
		"crashes": result.Crashes, "adoptions": result.Adoptions, "kills": result.Kills, "quarantines": result.Quarantines,
		"converged applies": result.Converged, "recycled workers": result.Recycles, "unresponsive workers": result.Unresponsive,
		"pauses": result.Pauses, "shutdowns": result.Shutdowns, "calls lost with a worker": result.Lost, "executed calls": result.Executed,
		"calls executed again": result.Retried, "turns of breakers": result.Turns, "calls asked for by call id": result.Reattached,
		"calls that never started": result.Unstarted,
	} {
		if n < *seeds/100 {
			t.Errorf("%d %s in %d histories: the world is too quiet", n, name, *seeds)
		}
	}
}

// TestSeedReplaysExactly compares the traces of two runs of one seed.
func TestSeedReplaysExactly(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		var first, second bytes.Buffer
		a, b := sim.Replay(seed, sim.Options{}, &first), sim.Replay(seed, sim.Options{}, &second)
		if diff := cmp.Diff(first.String(), second.String()); diff != "" {
			t.Fatalf("seed %d has two histories (-first +second):\n%s", seed, diff)
		}
		if diff := cmp.Diff(a, b); diff != "" {
			t.Fatalf("seed %d has two results (-first +second):\n%s", seed, diff)
		}
		if quiet := sim.Run(seed, sim.Options{}); !cmp.Equal(a, quiet) {
			t.Fatalf("seed %d is another history when nobody watches:\n%s", seed, cmp.Diff(a, quiet))
		}
	}
}

// tampered is a machine with a mistake: each command goes through alter, which
// returns what becomes of it.
type tampered struct {
	*lifecycle.Machine

	alter alteration
	wake  func(now, next time.Time) time.Time
	hear  func(lifecycle.Event) lifecycle.Event
	now   time.Time
}

// alteration returns what becomes of a command.
type alteration func(m *tampered, c lifecycle.Command) []lifecycle.Command

func (m *tampered) Step(now time.Time, e lifecycle.Event) []lifecycle.Command {
	m.now = now
	if m.hear != nil {
		e = m.hear(e)
	}
	commands := m.Machine.Step(now, e)
	if m.alter == nil {
		return commands
	}
	var out []lifecycle.Command
	for _, c := range commands {
		out = append(out, m.alter(m, c)...)
	}
	return out
}

func (m *tampered) NextWake() time.Time {
	if m.wake == nil {
		return m.Machine.NextWake()
	}
	return m.wake(m.now, m.Machine.NextWake())
}

// TestMistakesAreFound plants one mistake after the other, and wants the oracle to
// name the invariant that it breaks.
func TestMistakesAreFound(t *testing.T) {
	tests := []struct {
		name  string
		want  sim.Invariant
		alter alteration
		wake  func(now, next time.Time) time.Time
		hear  func(lifecycle.Event) lifecycle.Event
		limit func(int) int
	}{
		{name: "a ready worker is never admitted", want: sim.InvariantConverge, alter: drop[lifecycle.Admit]},
		{name: "a stuck worker is never killed", want: sim.InvariantConverge, alter: drop[lifecycle.Kill]},
		{name: "a quarantine is not recorded", want: sim.InvariantDisk, alter: onlyFirstQuarantine},
		{name: "a worker is started twice", want: sim.InvariantTarget, alter: twice[lifecycle.Start]},
		{
			name: "two workers are started in one place", want: sim.InvariantPlaces,
			alter: func(_ *tampered, c lifecycle.Command) []lifecycle.Command {
				if s, ok := c.(lifecycle.Start); ok {
					other := s
					other.Worker += "x"
					return []lifecycle.Command{s, other, other}
				}
				return []lifecycle.Command{c}
			},
		},
		{
			name: "another launch hash is started", want: sim.InvariantLaunch,
			alter: func(_ *tampered, c lifecycle.Command) []lifecycle.Command {
				if s, ok := c.(lifecycle.Start); ok {
					s.Launch = "0123456789abcdef"
					c = s
				}
				return []lifecycle.Command{c}
			},
		},
		{
			name: "a place above the size is filled", want: sim.InvariantPlaces,
			alter: func(_ *tampered, c lifecycle.Command) []lifecycle.Command {
				if s, ok := c.(lifecycle.Start); ok {
					s.Place++
					c = s
				}
				return []lifecycle.Command{c}
			},
		},
		{
			name: "a worker is killed instead of drained", want: sim.InvariantCapacity,
			alter: func(_ *tampered, c lifecycle.Command) []lifecycle.Command {
				if d, ok := c.(lifecycle.Drain); ok {
					return []lifecycle.Command{lifecycle.Kill{Worker: d.Worker}}
				}
				return []lifecycle.Command{c}
			},
		},
		{
			name: "a worker drains when its replacement starts", want: sim.InvariantCapacity,
			alter: func(m *tampered, c lifecycle.Command) []lifecycle.Command {
				if s, ok := c.(lifecycle.Start); ok {
					if p := m.View().Places[s.Place]; p.Next.ID == s.Worker && p.Serving.ID != "" {
						return []lifecycle.Command{c, lifecycle.Drain{Worker: p.Serving.ID}}
					}
				}
				return []lifecycle.Command{c}
			},
		},
		{name: "a worker takes one call too many", want: sim.InvariantRequests, limit: func(n int) int { return n + 1 }},
		{name: "a worker takes one call too few", want: sim.InvariantRequests, limit: func(n int) int { return n - 1 }},
		{
			name: "too many workers are recycled at a time", want: sim.InvariantRecycling,
			hear: func(e lifecycle.Event) lifecycle.Event {
				if c, ok := e.(lifecycle.Configure); ok {
					c.Target.Spec.Lifecycle.MaxRecycling = 100
					return c
				}
				return e
			},
		},
		{
			name: "no worker is recycled by age", want: sim.InvariantRecycling,
			hear: func(e lifecycle.Event) lifecycle.Event {
				if c, ok := e.(lifecycle.Configure); ok {
					c.Target.Spec.Lifecycle.TTL, c.Target.Spec.Lifecycle.IdleTTL = 0, 0
					return c
				}
				return e
			},
		},
		{
			name: "a worker is told of as recycled too early", want: sim.InvariantRecycling,
			alter: func(_ *tampered, c lifecycle.Command) []lifecycle.Command {
				if s, ok := c.(lifecycle.Start); ok {
					return []lifecycle.Command{c, lifecycle.Recycled{Worker: s.Worker, Replacement: s.Worker}}
				}
				return []lifecycle.Command{c}
			},
		},
		{
			name: "nobody hears of a worker that took its last call", want: sim.InvariantRecycling,
			hear: func(e lifecycle.Event) lifecycle.Event {
				if _, ok := e.(lifecycle.Spent); ok {
					return lifecycle.Tick{}
				}
				return e
			},
		},
		{
			name: "the machine asks for wakes all the time", want: sim.InvariantSpin,
			wake: func(now, _ time.Time) time.Time { return now.Add(time.Millisecond) },
		},
		{
			name: "the machine forgets to ask for a wake", want: sim.InvariantConverge,
			wake: func(time.Time, time.Time) time.Time { return time.Time{} },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opts := sim.Options{Limit: tt.limit, Wrap: func(m *lifecycle.Machine) sim.Machine {
				return &tampered{Machine: m, alter: tt.alter, wake: tt.wake, hear: tt.hear}
			}}
			result := sim.Result{}
			for seed := uint64(1); seed <= 200 && result.Violations[tt.want] == 0; seed++ {
				result.Add(sim.Run(seed, opts))
			}
			if result.Violations[tt.want] == 0 {
				t.Errorf("200 histories broke %v, want %q", result.Violations, tt.want)
			}
		})
	}
}

// TestMistakesWithCallsAreFound plants mistakes beside the machine of the pool.
func TestMistakesWithCallsAreFound(t *testing.T) {
	for name, tt := range map[string]struct {
		want sim.Invariant
		opts sim.Options
	}{
		"every call is executed again":          {sim.InvariantOnce, sim.Options{Careless: true}},
		"workers do not admit what they forgot": {sim.InvariantOnce, sim.Options{Forgetful: true}},
		"a breaker lets in one trial too many":  {sim.InvariantBreaker, sim.Options{HalfOpen: func(n int) int { return n + 1 }}},
	} {
		t.Run(name, func(t *testing.T) {
			result := sim.Result{}
			for seed := uint64(1); seed <= 1000 && result.Violations[tt.want] == 0; seed++ {
				result.Add(sim.Run(seed, tt.opts))
			}
			if result.Violations[tt.want] == 0 {
				t.Errorf("1000 histories broke %v, want %q", result.Violations, tt.want)
			}
		})
	}
}

func drop[C lifecycle.Command](_ *tampered, c lifecycle.Command) []lifecycle.Command {
	if _, ok := c.(C); ok {
		return nil
	}
	return []lifecycle.Command{c}
}

func twice[C lifecycle.Command](_ *tampered, c lifecycle.Command) []lifecycle.Command {
	if _, ok := c.(C); ok {
		return []lifecycle.Command{c, c}
	}
	return []lifecycle.Command{c}
}

// onlyFirstQuarantine records that a place is quarantined, and never that it is not
// any more.
func onlyFirstQuarantine(_ *tampered, c lifecycle.Command) []lifecycle.Command {
	if q, ok := c.(lifecycle.Quarantine); ok && q.Message == "" {
		return nil
	}
	return []lifecycle.Command{c}
}
