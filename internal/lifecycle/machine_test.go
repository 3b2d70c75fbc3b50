package lifecycle_test

import (
	"slices"
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
	return func(p *pool.Pool) { p.Update.Surge, p.Update.MaxUnavailable = n, unavailable }
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
		"roll one at a time": {
			2, nil, func(w *world) { w.configure("b", 2, nil) },
			[]string{"start w3 in 0 with b", "admit w3", "drain w1", "start w4 in 1 with b", "admit w4", "drain w2"}, "b b",
		},
		"roll two at a time": {
			2, surge(2, 0), func(w *world) { w.configure("b", 2, surge(2, 0)) },
			[]string{"start w3 in 0 with b", "start w4 in 1 with b", "admit w3", "admit w4", "drain w1", "drain w2"}, "b b",
		},
		"roll without surge": {
			2, surge(0, 1), func(w *world) { w.configure("b", 2, surge(0, 1)) },
			[]string{"drain w1", "start w3 in 0 with b", "admit w3", "drain w2", "start w4 in 1 with b", "admit w4"}, "b b",
		},
		"recreate": {
			2, recreate, func(w *world) { w.configure("b", 2, recreate) },
			[]string{"drain w1", "drain w2", "start w3 in 0 with b", "start w4 in 1 with b", "admit w3", "admit w4"}, "b b",
		},
		"recycle one": {
			2, nil, func(w *world) { w.step(lifecycle.Recycle{Place: 1}) },
			[]string{"start w3 in 1 with a", "admit w3", "drain w2"}, "a a",
		},
		"recycle all": {
			2, nil, func(w *world) { w.step(lifecycle.Recycle{Place: -1}) },
			[]string{"start w3 in 0 with a", "admit w3", "drain w1", "start w4 in 1 with a", "admit w4", "drain w2"}, "a a",
		},
		"recycle a place that is not there": {2, nil, func(w *world) { w.step(lifecycle.Recycle{Place: 7}) }, nil, "a a"},
		"recycle where a roll may not surge": {
			1, surge(0, 1), func(w *world) { w.step(lifecycle.Recycle{Place: 0}) },
			[]string{"start w2 in 0 with a", "admit w2", "drain w1"}, "a",
		},
		"recycle that becomes a roll without surge": {
			2, surge(0, 1),
			func(w *world) { w.step(lifecycle.Recycle{Place: 1}); w.take(); w.configure("b", 2, surge(0, 1)) },
			nil, "b b",
		},
		"the trial worker fills its place": {
			2, nil, func(w *world) { w.trial("b", 2) },
			[]string{"admit trial", "drain w1", "start w3 in 1 with b", "admit w3", "drain w2"}, "b b",
		},
		"a crash": {
			2, nil, func(w *world) { w.exit("w1", "was killed by SIGKILL") },
			[]string{"start w3 in 0 with a", "admit w3"}, "a a",
		},
		"connections that come back": {
			1, nil, func(w *world) { w.lose("w1", time.Second) },
			[]string{"admit w1"}, "a",
		},
		"connections that do not come back": {
			1, nil, func(w *world) { w.lose("w1", time.Hour) },
			[]string{"kill w1: did not connect again within 5s", "start w2 in 0 with a", "admit w2"}, "a",
		},
		"a call that does not end": {
			1, nil, func(w *world) { w.step(lifecycle.Stuck{Worker: "w1"}) },
			[]string{"kill w1: its call went on past its deadline and stop_grace", "start w2 in 0 with a", "admit w2"}, "a",
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
	wantCommands(t, w, "kill w1: was not ready within start_timeout (2s)")
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

// TestBackoff kills the only worker again and again as soon as it is ready, and
// measures how long its place stays empty.
func TestBackoff(t *testing.T) {
	for name, c := range map[string]struct {
		duringCall bool
		want       []time.Duration
	}{
		"idle deaths": {false, []time.Duration{0, 200, 400, 800, 1600, 3200, 5000, 5000}},
		"deaths during a call wait a second at the most": {true, []time.Duration{0, 200, 400, 800, 1000, 1000, 1000, 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			w := settled(t, 1, nil)
			for i, want := range c.want {
				w.die(w.at(0), "died", c.duringCall)
				from := w.now
				w.runUntil(func() bool { return w.serving() == 1 }, time.Minute)
				if got := w.now.Sub(from) - w.readyAfter; got != want*time.Millisecond {
					t.Errorf("death %d: the place stayed empty for %s, want %s", i+1, got, want*time.Millisecond)
				}
			}
			w.run(2 * time.Minute) // failures are forgotten after the window
			w.take()
			w.die(w.at(0), "died", c.duringCall)
			if got := w.take(); len(got) != 1 {
				t.Errorf("commands after a quiet window = %q, want a start at once", got)
			}
		})
	}
}

// runUntil lets time pass in small steps until done.
func (w *world) runUntil(done func() bool, limit time.Duration) {
	w.t.Helper()
	for end := w.now.Add(limit); !done(); w.run(time.Millisecond) {
		if w.now.After(end) {
			w.t.Fatalf("not done within %s:\n%s", limit, w.tail())
		}
	}
}

func TestQuarantine(t *testing.T) {
	w := settled(t, 2, nil)
	w.broken["a"] = true
	w.exit("w1", "exited with status 3")
	w.run(30 * time.Second)
	view := w.m.View()
	want := "4 failures within 1m, the last: exited with status 1"
	if got := view.Places[0].Quarantined; got != want {
		t.Fatalf("place 0 is quarantined with %q, want %q", got, want)
	}
	if p := w.m.Progress(); !strings.Contains(p.Failed, "pool.api/0") {
		t.Errorf("Progress().Failed = %q, want it to name the place", p.Failed)
	}

	// The other place is the last one: it never is.
	w.exit("w2", "exited with status 3")
	w.run(time.Minute)
	if got := w.m.View().Places[1]; got.Quarantined != "" {
		t.Errorf("the last place is quarantined: %+v", got)
	}
	delete(w.broken, "a")
	w.run(10 * time.Second)
	w.take()
	w.step(lifecycle.Configure{Target: w.target, Repair: true})
	w.run(time.Second)
	wantSettled(t, w, "a a")
}

// TestPoisonedCommand: deaths during calls are held against the command, so they
// never count towards a quarantine, not even when the next death is another's.
func TestPoisonedCommand(t *testing.T) {
	w := settled(t, 2, nil)
	for range 20 {
		w.runUntil(func() bool { return w.serving() == 2 }, time.Minute)
		w.die(w.at(0), "exited with status 1", true)
	}
	w.runUntil(func() bool { return w.serving() == 2 }, 2*time.Second)
	w.take()
	w.exit(w.at(0), "was killed by SIGKILL")
	if got := w.take(); len(got) != 1 || !strings.HasPrefix(got[0], "start") {
		t.Errorf("commands after the first death that is the place's own = %q, want a start", got)
	}
}

// TestLastPlaceAfterAShrink: a shrink can take away every place but the
// quarantined ones. One of them works again then.
func TestLastPlaceAfterAShrink(t *testing.T) {
	w := settled(t, 2, nil)
	w.broken["a"] = true
	w.exit("w1", "exited with status 3")
	w.run(30 * time.Second)
	delete(w.broken, "a")
	w.take()
	w.step(lifecycle.Resize{Size: 1})
	w.run(time.Minute)
	if got := w.launches(); got != "a" || w.serving() != 1 {
		t.Errorf("launches = %q, %d serve, want one:\n%s", got, w.serving(), w.tail())
	}
}

// TestNewLaunchLiftsQuarantine: what quarantined a place was another launch hash.
func TestNewLaunchLiftsQuarantine(t *testing.T) {
	w := settled(t, 2, nil)
	w.broken["a"] = true
	w.exit("w1", "exited with status 3")
	w.run(30 * time.Second)
	w.configure("b", 2, nil)
	w.run(10 * time.Second)
	wantSettled(t, w, "b b")
}

// TestNewLaunchDoesNotWait: nor does it wait for the backoff of the former one.
func TestNewLaunchDoesNotWait(t *testing.T) {
	w := newWorld(t)
	w.broken["a"] = true
	w.configure("a", 1, nil)
	w.run(30 * time.Second)
	w.configure("b", 1, nil)
	w.run(time.Second)
	wantSettled(t, w, "b")
}

func TestRestoredQuarantine(t *testing.T) {
	w := newWorld(t)
	w.step(lifecycle.Restore{Place: 1, Message: "died too often"})
	w.configure("a", 2, nil)
	w.run(time.Second)
	if got := w.launches(); got != "a -" {
		t.Errorf("launches = %q, want the quarantined place empty", got)
	}
	if p := w.m.Progress(); p.Settled || !strings.Contains(p.Failed, "died too often") {
		t.Errorf("Progress() = %+v, want the reason", p)
	}
	w.configure("b", 2, nil)
	w.run(time.Second)
	wantSettled(t, w, "b b")
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

// TestHaltedRoll: a roll stops at its first failure, with the former launch hash
// serving, and that is also what replaces a worker that dies from then on.
func TestHaltedRoll(t *testing.T) {
	for name, change := range map[string]func(*pool.Pool){
		"surge": surge(1, 0), "no surge": surge(0, 1), "both": surge(1, 1), "recreate": recreate,
	} {
		t.Run(name, func(t *testing.T) {
			w := settled(t, 3, change)
			w.broken["b"] = true
			w.configure("b", 3, change)
			w.run(30 * time.Second)
			p := w.m.Progress()
			if p.Settled || !strings.Contains(p.Failed, "exited with status 1") {
				t.Errorf("Progress() = %+v, want the failure", p)
			}
			if w.m.View().Halt == "" {
				t.Error("the roll did not halt")
			}
			if got := w.launches(); got != "a a a" {
				t.Fatalf("launches = %q, want the former one everywhere:\n%s", got, w.tail())
			}
			started := slices.DeleteFunc(w.take(), func(c string) bool { return !strings.HasSuffix(c, "with b") })
			if most := map[string]int{"recreate": 3}[name]; len(started) > max(2, most) {
				t.Errorf("the roll went on after its failure: %q", started)
			}
			w.exit(w.at(2), "was killed by SIGKILL")
			w.run(time.Second)
			if got := w.launches(); got != "a a a" {
				t.Errorf("launches after a crash = %q, want the former one", got)
			}

			delete(w.broken, "b") // applied again, and good this time
			w.configure("b", 3, change)
			w.run(30 * time.Second)
			wantSettled(t, w, "b b b")
		})
	}
}

// TestUnhealthyReplacement: one that dies within min_healthy_time halts the roll.
func TestUnhealthyReplacement(t *testing.T) {
	for name, change := range map[string]func(*pool.Pool){"surge": surge(1, 0), "no surge": surge(0, 1)} {
		t.Run(name, func(t *testing.T) {
			w := settled(t, 2, change)
			w.configure("b", 2, change)
			w.run(50 * time.Millisecond) // ready, not yet healthy
			for _, p := range w.living {
				if p.launch == "b" {
					w.exit(p.id, "was killed by SIGSEGV")
					break
				}
			}
			w.run(30 * time.Second)
			if got := w.launches(); got != "a a" || w.m.View().Halt == "" {
				t.Errorf("launches = %q, halt %q, want the former ones and a halt:\n%s", got, w.m.View().Halt, w.tail())
			}
		})
	}
}

// TestCrashDuringRoll: the former worker of a place dies while its replacement,
// which turns out to be no good, is on its way.
func TestCrashDuringRoll(t *testing.T) {
	w := settled(t, 1, nil)
	w.broken["b"] = true
	w.configure("b", 1, nil)
	w.exit("w1", "was killed by SIGKILL")
	w.run(30 * time.Second)
	if got := w.launches(); got != "a" || w.serving() != 1 {
		t.Errorf("launches = %q, %d serve, want the former launch hash:\n%s", got, w.serving(), w.tail())
	}
}

// TestPause: what is under way ends, nothing more is replaced.
func TestPause(t *testing.T) {
	t.Run("roll", func(t *testing.T) {
		w := settled(t, 3, nil)
		w.configure("b", 3, nil)
		w.step(lifecycle.Pause{Reason: "stopped by request"})
		w.run(10 * time.Second)
		if got := w.launches(); got != "b a a" {
			t.Errorf("launches = %q, want b a a", got)
		}
		if got := w.m.Progress().Failed; got != "stopped by request" {
			t.Errorf("Progress().Failed = %q", got)
		}
		w.configure("b", 3, nil)
		w.run(10 * time.Second)
		wantSettled(t, w, "b b b")
	})
	t.Run("recycle", func(t *testing.T) {
		w := settled(t, 3, nil)
		w.step(lifecycle.Recycle{Place: -1})
		w.step(lifecycle.Pause{Reason: "stopped by request"})
		w.run(10 * time.Second)
		wantCommands(t, w, "start w4 in 0 with a", "admit w4", "drain w1")
		if got := w.m.View().Halt; got != "" {
			t.Errorf("a pool that does not roll is halted: %q", got)
		}
	})
}

// TestRecycleThatFails: the former worker serves on and the recycle is given up;
// a later one that works is not told of the old failure.
func TestRecycleThatFails(t *testing.T) {
	w := settled(t, 2, nil)
	w.broken["a"] = true
	w.step(lifecycle.Recycle{Place: 0})
	w.run(time.Minute)
	if got := w.take(); len(got) != 1 {
		t.Errorf("commands = %q, want one start", got)
	}
	if p := w.m.Progress(); p.Failed == "" {
		t.Errorf("Progress() = %+v, want the failure", p)
	}
	if view := w.m.View(); view.Places[0].Quarantined != "" || view.Places[0].Serving.ID != "w1" {
		t.Errorf("place 0 = %+v, want its former worker", view.Places[0])
	}
	delete(w.broken, "a")
	w.step(lifecycle.Recycle{Place: 0})
	if p := w.m.Progress(); p.Failed != "" || p.Settled {
		t.Errorf("Progress() = %+v, want a fresh one", p)
	}
	w.run(time.Second)
	wantSettled(t, w, "a a")
	if got := w.m.View().Recycles; got != 1 {
		t.Errorf("Recycles = %d, want 1", got)
	}
}

// TestTargetChangesDuringRoll: replacements that nobody wants any more never serve.
func TestTargetChangesDuringRoll(t *testing.T) {
	t.Run("back", func(t *testing.T) {
		w := settled(t, 2, nil)
		w.configure("b", 2, nil)
		w.run(20 * time.Millisecond)
		w.configure("a", 2, nil)
		w.run(10 * time.Second)
		wantCommands(t, w, "start w3 in 0 with b", "admit w3", "drain w3")
		wantSettled(t, w, "a a")
	})
	t.Run("another trial", func(t *testing.T) {
		w := settled(t, 1, nil)
		w.configure("b", 1, nil)
		w.run(20 * time.Millisecond)
		w.trial("c", 1)
		w.run(10 * time.Second)
		wantSettled(t, w, "c")
	})
	t.Run("a trial that is not needed", func(t *testing.T) {
		w := settled(t, 1, nil)
		w.trial("a", 1)
		w.run(10 * time.Second)
		if got := w.at(0); got != "w1" {
			t.Errorf("place 0 is served by %s, want w1", got)
		}
		wantSettled(t, w, "a")
	})
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
