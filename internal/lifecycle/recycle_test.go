package lifecycle_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

func policy(l pool.Lifecycle) func(*pool.Pool) {
	return func(p *pool.Pool) { p.Lifecycle = l }
}

// TestRecycling follows a pool whose workers are replaced though they are well.
func TestRecycling(t *testing.T) {
	requests := pool.Lifecycle{MaxRequests: 50}
	for name, c := range map[string]struct {
		size   int
		policy pool.Lifecycle
		do     func(*world)
		want   []string
	}{
		"ttl": {
			1,
			pool.Lifecycle{TTL: pool.Duration(20 * time.Second)},
			func(w *world) { w.run(20 * time.Second) },
			[]string{"start w2 in 0 with a", "admit w2", "drain w1"},
		},
		"idle": {
			1,
			pool.Lifecycle{IdleTTL: pool.Duration(20 * time.Second)},
			func(w *world) { w.run(20 * time.Second) },
			[]string{"ask w1", "start w2 in 0 with a", "admit w2", "drain w1"},
		},
		"used meanwhile": {
			1,
			pool.Lifecycle{IdleTTL: pool.Duration(20 * time.Second)},
			func(w *world) {
				w.used["w1"] = w.now.Add(15 * time.Second)
				w.run(30 * time.Second)
			},
			[]string{"ask w1"},
		},
		"the replacement waits for the last call": {
			1, requests,
			func(w *world) {
				w.step(lifecycle.Nearing{Worker: "w1"})
				w.run(time.Minute)
				w.step(lifecycle.Spent{Worker: "w1"})
				w.run(time.Second)
			},
			[]string{"start w2 in 0 with a", "admit w2", "drain w1"},
		},
		"its time is over when the replacement takes over": {
			1,
			pool.Lifecycle{MaxRequests: 50, IdleTTL: pool.Duration(20 * time.Second)},
			func(w *world) {
				w.used["w1"] = w.now.Add(15 * time.Second)
				w.step(lifecycle.Nearing{Worker: "w1"})
				w.run(25 * time.Second)
				w.step(lifecycle.Spent{Worker: "w1"})
				w.run(10 * time.Second) // nothing happens that would make the machine look again
			},
			[]string{"start w2 in 0 with a", "ask w1", "admit w2", "ask w2", "drain w1", "start w3 in 0 with a", "admit w3", "drain w2"},
		},
		"the last call comes before the replacement": {
			1, requests,
			func(w *world) {
				w.step(lifecycle.Nearing{Worker: "w1"})
				w.step(lifecycle.Spent{Worker: "w1"})
				w.run(time.Second)
			},
			[]string{"start w2 in 0 with a", "drain w1", "admit w2"},
		},
		"the worker dies before its last call": {
			1, requests,
			func(w *world) {
				w.step(lifecycle.Nearing{Worker: "w1"})
				w.run(time.Second)
				w.exit("w1", "was killed by SIGKILL")
				w.run(time.Second)
			},
			[]string{"start w2 in 0 with a", "admit w2"},
		},
		"the limit is lifted": {
			1, requests,
			func(w *world) {
				w.step(lifecycle.Nearing{Worker: "w1"})
				w.run(time.Second)
				w.configure("a", 1, nil)
				w.run(time.Second)
			},
			[]string{"start w2 in 0 with a", "admit w2", "drain w1"},
		},
		"memory": {
			1,
			pool.Lifecycle{},
			func(w *world) {
				w.step(lifecycle.OverMemory{Worker: "w1", Reason: "it holds 600MiB"})
				w.run(time.Second)
			},
			[]string{"start w2 in 0 with a", "admit w2", "drain w1"},
		},
		"too young": {
			1,
			pool.Lifecycle{MinLifetime: pool.Duration(time.Minute)},
			func(w *world) {
				w.step(lifecycle.OverMemory{Worker: "w1", Reason: "it holds 600MiB"})
				w.run(time.Second)
			},
			nil,
		},
		"one at a time": {
			2,
			pool.Lifecycle{TTL: pool.Duration(20 * time.Second)},
			func(w *world) { w.run(20 * time.Second) },
			[]string{"start w3 in 0 with a", "admit w3", "drain w1", "start w4 in 1 with a", "admit w4", "drain w2"},
		},
		"unresponsive": {
			1,
			pool.Lifecycle{},
			func(w *world) {
				w.step(lifecycle.Unresponsive{Worker: "w1", Reason: "it did not answer"})
				w.run(time.Second)
			},
			[]string{"dump w1", "signal w1 TERM", "start w2 in 0 with a", "admit w2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := settled(t, c.size, policy(c.policy))
			c.do(w)
			w.commands = slices.DeleteFunc(w.commands, func(c string) bool { return strings.Contains(c, " recycled ") })
			wantCommands(t, w, c.want...)
			wantSettled(t, w, strings.TrimSpace(strings.Repeat("a ", c.size)))
		})
	}
}

// TestNobodyWaitsForRecycling: a change is over although a replacement is reserved.
func TestNobodyWaitsForRecycling(t *testing.T) {
	w := settled(t, 2, policy(pool.Lifecycle{MaxRequests: 50}))
	w.step(lifecycle.Nearing{Worker: "w1"})
	w.run(time.Second)
	if p := w.m.Progress(); !p.Settled || p.Alive != 3 {
		t.Errorf("Progress() = %+v, want it settled with a reserve", p)
	}
	w.step(lifecycle.Spent{Worker: "w1"})
	if got := w.serving(); got != 2 {
		t.Errorf("%d workers serve after the last call, want 2", got)
	}
	if got := w.m.View().Recycles; got != 1 {
		t.Errorf("Recycles = %d, want 1", got)
	}
}

// TestJitterSpreads: a fleet started together ends one by one, none before its
// time; and so does one that is given a ttl when it is older than that.
func TestJitterSpreads(t *testing.T) {
	const size, ttl = 20, 100 * time.Second
	spread := pool.Lifecycle{TTL: pool.Duration(ttl), Jitter: 0.5, MaxRecycling: -100}
	for name, old := range map[string]bool{"young": false, "old": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			begun := w.now
			w.configure("a", size, policy(spread))
			w.run(time.Second)
			earliest := ttl
			if old {
				w.configure("a", size, nil)
				w.run(time.Hour)
				begun, earliest = w.now, 0
				w.configure("a", size, policy(spread))
			}
			w.take()
			moments := map[time.Duration]int{}
			for w.now.Sub(begun) < earliest+ttl/2 {
				w.run(time.Second)
				for _, c := range w.take() {
					if strings.HasPrefix(c, "start") {
						moments[w.now.Sub(begun)]++
					}
				}
			}
			starts := 0
			for at, n := range moments {
				starts += n
				if at < earliest || n > size/3 {
					t.Errorf("%d replacements start %s after the beginning", n, at)
				}
			}
			if starts != size {
				t.Errorf("%d replacements, want %d", starts, size)
			}
		})
	}
}

// TestFailingReplacement: the old worker goes on serving while its replacement
// fails again and again, ever more rarely.
func TestFailingReplacement(t *testing.T) {
	w := settled(t, 1, policy(pool.Lifecycle{TTL: pool.Duration(time.Minute)}))
	w.broken["a"] = true
	w.run(10 * time.Minute)
	if got := w.serving(); got != 1 {
		t.Errorf("%d workers serve, want the old one", got)
	}
	if starts := len(w.take()); starts < 3 || starts > 150 {
		t.Errorf("%d starts in nine minutes", starts)
	}
	delete(w.broken, "a")
	w.run(time.Minute)
	if got := w.m.View().Recycles; got == 0 {
		t.Error("it was never recycled")
	}
}

// A reserve whose connections break does not take over from the worker that it
// waits for, healthy though it was.
func TestReserveThatIsLostWaits(t *testing.T) {
	w := newWorld(t)
	w.configure("a", 1, func(p *pool.Pool) { p.Lifecycle.MaxRequests = 50 })
	w.run(time.Second)
	w.step(lifecycle.Nearing{Worker: "w1"})
	w.run(time.Second)
	w.lose("w2", time.Minute)
	if got := w.serving(); got != 1 {
		t.Errorf("%d workers serve, want the one that was to be replaced:\n%s", got, w.tail())
	}
}

// TestRecyclingWaitsForRecreate: while workers of another launch hash leave, nothing
// is started beside them, not even a replacement.
func TestRecyclingWaitsForRecreate(t *testing.T) {
	w := newWorld(t)
	w.configure("a", 1, nil)
	w.run(time.Second)
	w.drainAfter = 500 * time.Millisecond
	recreating := func(p *pool.Pool) {
		p.Update.Strategy = pool.StrategyRecreate
		p.Lifecycle.MaxRequests = 50
	}
	trial := w.newID()
	w.living[trial] = &process{id: trial, launch: "b", ready: true}
	w.step(lifecycle.Configure{Target: lifecycle.Target{Spec: spec(recreating), Launch: "b", Size: 1}, Ready: trial})
	w.take()
	w.step(lifecycle.Nearing{Worker: trial})
	if got := w.take(); len(got) > 0 {
		t.Errorf("commands beside a worker of another launch hash = %q, want none", got)
	}
	w.run(time.Second)
	if got, want := w.take(), []string{"start w3 in 0 with b"}; !slices.Equal(got, want) {
		t.Errorf("commands = %q, want %q", got, want)
	}
}
