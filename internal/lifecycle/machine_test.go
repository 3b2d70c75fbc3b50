package lifecycle_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// settled returns a world whose pool runs launch a in all its places.
func settled(t *testing.T, size int, change func(*pool.Pool)) *world {
	t.Helper()
	w := newWorld(t)
	w.configure("a", size, change)
	w.run(time.Second)
	if p := w.m.Progress(); !p.Settled {
		t.Fatalf("Progress() after the first second = %+v, want it settled", p)
	}
	w.take()
	return w
}

func surge(n, unavailable int) func(*pool.Pool) {
	return func(p *pool.Pool) { p.Update.Surge, p.Update.MaxUnavailable = pool.Share(n), pool.Share(unavailable) }
}

func recreate(p *pool.Pool) { p.Update.Strategy = pool.StrategyRecreate }

func wantCommands(t *testing.T, w *world, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.take(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func wantSettled(t *testing.T, w *world, launches string) {
	t.Helper()
	if p := w.m.Progress(); !p.Settled || p.Failed != "" {
		t.Errorf("Progress() = %+v, want it settled without failure", p)
	}
	if got := w.launches(); got != launches {
		t.Errorf("launches = %q, want %q", got, launches)
	}
	if len(w.living) != len(strings.Fields(launches)) {
		t.Errorf("%d processes live, want %d", len(w.living), len(strings.Fields(launches)))
	}
}

// TestChanges follows one change from a settled pool of launch a to its end.
func TestChanges(t *testing.T) {
	const atOnce = "its supervisor was told to end at once"
	for name, c := range map[string]struct {
		size   int
		change func(*pool.Pool)
		do     func(*world)
		want   []string
		end    string
	}{
		"same target": {2, nil, func(w *world) { w.configure("a", 2, nil) }, nil, "a a"},
		"grow":        {1, nil, func(w *world) { w.configure("a", 2, nil) }, []string{"start w2 in 1 with a", "admit w2"}, "a a"},
		"shrink":      {2, nil, func(w *world) { w.configure("a", 1, nil) }, []string{"drain w2"}, "a"},
		"shrink to 0": {2, nil, func(w *world) { w.configure("a", 0, nil) }, []string{"drain w2", "drain w1"}, ""},
		"resize":      {1, nil, func(w *world) { w.step(lifecycle.Resize{Size: 2}) }, []string{"start w2 in 1 with a", "admit w2"}, "a a"},
		"stop":        {2, nil, func(w *world) { w.step(lifecycle.Stop{}) }, []string{"drain w2", "drain w1"}, ""},
		"kill all":    {2, nil, func(w *world) { w.step(lifecycle.Stop{Kill: true}) }, []string{"kill w1: " + atOnce, "kill w2: " + atOnce}, ""},
		"kill, then": {
			2, nil, func(w *world) { w.step(lifecycle.Stop{}); w.step(lifecycle.Stop{Kill: true}) },
			[]string{"drain w2", "drain w1", "kill w1: " + atOnce, "kill w2: " + atOnce},
			"",
		},
		"roll one at a time": {
			2, nil, func(w *world) { w.configure("b", 2, nil) },
			[]string{"start w3 in 0 with b", "admit w3", "drain w1", "start w4 in 1 with b", "admit w4", "drain w2"},
			"b b",
		},
		"roll two at a time": {
			2, surge(2, 0), func(w *world) { w.configure("b", 2, surge(2, 0)) },
			[]string{"start w3 in 0 with b", "start w4 in 1 with b", "admit w3", "admit w4", "drain w1", "drain w2"},
			"b b",
		},
		"roll without surge": {
			2, surge(0, 1), func(w *world) { w.configure("b", 2, surge(0, 1)) },
			[]string{"drain w1", "start w3 in 0 with b", "admit w3", "drain w2", "start w4 in 1 with b", "admit w4"},
			"b b",
		},
		"recreate": {
			2, recreate, func(w *world) { w.configure("b", 2, recreate) },
			[]string{"drain w1", "drain w2", "start w3 in 0 with b", "start w4 in 1 with b", "admit w3", "admit w4"},
			"b b",
		},
		"recycle one": {
			2, nil, func(w *world) { w.step(lifecycle.Recycle{Place: 1}) },
			[]string{"start w3 in 1 with a", "admit w3", "by hand recycled w2 by w3", "drain w2"},
			"a a",
		},
		"recycle all": {
			2, nil, func(w *world) { w.step(lifecycle.Recycle{Place: -1}) },
			[]string{
				"start w3 in 0 with a", "admit w3", "by hand recycled w1 by w3", "drain w1",
				"start w4 in 1 with a", "admit w4", "by hand recycled w2 by w4", "drain w2",
			},
			"a a",
		},
		"recycle a place that is not there": {2, nil, func(w *world) { w.step(lifecycle.Recycle{Place: 7}) }, nil, "a a"},
		"recycle where a roll may not surge": {
			1, surge(0, 1), func(w *world) { w.step(lifecycle.Recycle{Place: 0}) },
			[]string{"start w2 in 0 with a", "admit w2", "by hand recycled w1 by w2", "drain w1"},
			"a",
		},
		"recycle that becomes a roll without surge": {
			2, surge(0, 1),
			func(w *world) { w.step(lifecycle.Recycle{Place: 1}); w.take(); w.configure("b", 2, surge(0, 1)) },
			nil, "b b",
		},
		"the trial worker fills its place": {
			2, nil, func(w *world) { w.trial("b", 2) },
			[]string{"admit trial", "drain w1", "start w3 in 1 with b", "admit w3", "drain w2"},
			"b b",
		},
		"a crash": {
			2, nil, func(w *world) { w.exit("w1", "was killed by SIGKILL") },
			[]string{"start w3 in 0 with a", "admit w3"},
			"a a",
		},
		"connections that come back": {
			1, nil, func(w *world) { w.lose("w1", time.Second) },
			[]string{"admit w1"},
			"a",
		},
		"connections that do not come back": {
			1, nil, func(w *world) { w.lose("w1", time.Hour) },
			[]string{"kill w1: did not connect again within 5s", "start w2 in 0 with a", "admit w2"},
			"a",
		},
		"a slot that is lost": {
			1, nil, func(w *world) { w.step(lifecycle.Impaired{Worker: "w1", Reason: "it lost a slot", SlotLost: true}) },
			[]string{"start w2 in 0 with a", "admit w2", "it lost a slot recycled w1 by w2", "drain w1"},
			"a",
		},
		"a call that does not end": {
			1, nil, func(w *world) { w.step(lifecycle.Stuck{Worker: "w1"}) },
			[]string{"dump w1", "kill w1: its call went on past its deadline and stop_grace", "start w2 in 0 with a", "admit w2"},
			"a",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := settled(t, c.size, c.change)
			c.do(w)
			w.run(8 * time.Second)
			if c.want != nil {
				wantCommands(t, w, c.want...)
			}
			wantSettled(t, w, c.end)
		})
	}
}

// trial configures the pool with a worker that a preflight started.
func (w *world) trial(launch string, size int) {
	w.living["trial"] = &process{id: "trial", launch: launch, ready: true}
	w.step(lifecycle.Configure{Target: lifecycle.Target{Spec: spec(nil), Launch: launch, Size: size}, Ready: "trial"})
}

func TestStopLadder(t *testing.T) {
	w := newWorld(t)
	w.deaf = true
	w.configure("a", 1, nil)
	w.run(time.Second)
	w.take()
	begun := w.now
	w.step(lifecycle.Stop{})
	wantCommands(t, w, "drain w1")
	w.run(time.Second) // stop_grace
	wantCommands(t, w, "signal w1 TERM")
	w.run(500 * time.Millisecond)
	wantCommands(t, w, "kill w1: did not stop when it was told to")
	w.run(time.Millisecond)
	wantSettled(t, w, "")
	if took := w.now.Sub(begun); took > 1600*time.Millisecond {
		t.Errorf("the ladder took %s", took)
	}
}

// TestDrainSurvivesALostConnection: a drained worker closes its connections before
// it ends, and its own clean-up has the whole of stop_grace.
func TestDrainSurvivesALostConnection(t *testing.T) {
	w := newWorld(t)
	w.deaf = true
	w.configure("a", 1, nil)
	w.run(time.Second)
	w.step(lifecycle.Stop{})
	w.take()
	w.tell(w.living["w1"], pool.WorkerLost)
	w.run(900 * time.Millisecond)
	wantCommands(t, w)
	w.run(2 * time.Second)
	wantCommands(t, w, "signal w1 TERM", "kill w1: did not stop when it was told to")
}

func TestStartTimeout(t *testing.T) {
	w := newWorld(t)
	w.silent["a"] = true
	w.configure("a", 1, nil)
	w.take()
	w.run(2 * time.Second)
	wantCommands(t, w, "dump w1", "kill w1: was not ready within start_timeout (2s)")
	w.run(150 * time.Millisecond)
	if p := w.m.Progress(); p.Failed == "" {
		t.Errorf("Progress() = %+v, want a failure", p)
	}
	w.run(100 * time.Millisecond) // restart.backoff
	wantCommands(t, w, "start w2 in 0 with a")
}

func TestParallelism(t *testing.T) {
	w := newWorld(t)
	w.configure("a", 5, func(p *pool.Pool) { p.Startup.Parallelism = 2 })
	if got := len(w.living); got != 2 {
		t.Errorf("%d workers start at once, want 2", got)
	}
	w.run(time.Second)
	wantSettled(t, w, "a a a a a")
}

func TestAdoption(t *testing.T) {
	t.Run("comes back", func(t *testing.T) {
		w := newWorld(t)
		w.adopt("old", 0, "a")
		w.configure("a", 1, nil)
		w.run(time.Second)
		w.living["old"].ready = true
		w.tell(w.living["old"], pool.WorkerReturned)
		w.run(10 * time.Second)
		wantCommands(t, w, "admit old")
		wantSettled(t, w, "a")
	})
	t.Run("does not come back", func(t *testing.T) {
		w := newWorld(t)
		w.adopt("old", 0, "a")
		w.configure("a", 1, nil)
		w.run(10 * time.Second)
		wantCommands(t, w, "kill old: did not connect again within 5s", "start w1 in 0 with a", "admit w1")
		wantSettled(t, w, "a")
	})
	t.Run("in the middle of a roll", func(t *testing.T) {
		w := newWorld(t)
		w.adopt("old", 0, "a")
		w.adopt("new", 0, "b")
		w.adopt("third", 0, "b")
		w.configure("b", 1, nil)
		for _, id := range []string{"old", "new"} {
			w.living[id].ready = true
			w.tell(w.living[id], pool.WorkerReturned)
		}
		w.run(10 * time.Second)
		if got := w.at(0); got != "new" {
			t.Errorf("place 0 is served by %s, want new:\n%s", got, w.tail())
		}
		wantSettled(t, w, "b")
	})
	t.Run("stopped before there is a target", func(t *testing.T) {
		w := newWorld(t)
		w.adopt("old", 0, "a")
		w.living["old"].deaf = true
		w.step(lifecycle.Stop{})
		w.run(10 * time.Second)
		if len(w.living) != 0 {
			t.Errorf("the worker was never killed:\n%s", w.tail())
		}
	})
}

func (w *world) adopt(id string, place int, launch string) {
	w.living[id] = &process{id: id, place: place, launch: launch}
	w.step(lifecycle.Adopt{Worker: id, Place: place, Launch: launch})
}

// TestStopIsFinal: a target that comes behind Stop starts nothing.
func TestStopIsFinal(t *testing.T) {
	w := settled(t, 2, nil)
	w.step(lifecycle.Stop{})
	w.trial("b", 2)
	w.run(10 * time.Second)
	if len(w.living) != 0 {
		t.Errorf("%d workers live after Stop:\n%s", len(w.living), w.tail())
	}
}

// TestWakeIsNotLost: the clock goes on while the edge carries commands out, so a
// wake can be in the past when the pool loop asks for it.
func TestWakeIsNotLost(t *testing.T) {
	w := settled(t, 1, nil)
	w.exit("w1", "died")
	w.run(time.Second)
	w.exit(w.at(0), "died") // the second failure: it waits for restart.backoff
	wake := w.m.NextWake()
	if want := w.now.Add(200 * time.Millisecond); !wake.Equal(want) {
		t.Fatalf("NextWake() = now + %s, want restart.backoff", wake.Sub(w.now))
	}
	w.now = wake.Add(time.Hour)
	w.take()
	w.step(lifecycle.Tick{})
	if got := w.take(); len(got) != 1 {
		t.Errorf("commands of the late Tick = %q, want a start", got)
	}
	if again := w.m.NextWake(); !again.After(w.now) {
		t.Errorf("NextWake() after the late Tick = now - %s: the pool loop would spin", w.now.Sub(again))
	}
}
