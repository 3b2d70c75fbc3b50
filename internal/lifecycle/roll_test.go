package lifecycle_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

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

// TestHaltedRollAppliedAgain: whoever applies a halted roll once more does not wait
// for the backoff of the attempt that failed.
func TestHaltedRollAppliedAgain(t *testing.T) {
	change := func(p *pool.Pool) {
		p.Restart.Backoff, p.Restart.MaxBackoff = pool.Duration(time.Hour), pool.Duration(time.Hour)
	}
	w := settled(t, 2, change)
	w.broken["b"] = true
	w.configure("b", 2, change)
	w.run(30 * time.Second)
	if w.m.View().Halt == "" {
		t.Fatal("the roll did not halt")
	}
	delete(w.broken, "b")
	w.take()
	w.configure("b", 2, change)
	w.run(30 * time.Second)
	wantSettled(t, w, "b b")
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
		wantCommands(t, w, "start w4 in 0 with a", "admit w4", "by hand recycled w1 by w4", "drain w1")
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

// TestReplacementSpentDuringRoll: a replacement that takes its last call before it is
// healthy leaves no gap. It has proved its launch hash: the one that follows takes
// over as soon as it is ready.
func TestReplacementSpentDuringRoll(t *testing.T) {
	w := newWorld(t)
	limited := func(p *pool.Pool) { p.Lifecycle.MaxRequests = 50 }
	w.configure("a", 1, limited)
	w.run(time.Second)
	w.take()
	w.configure("b", 1, limited)
	w.run(50 * time.Millisecond)
	w.step(lifecycle.Spent{Worker: "w2"})
	w.run(50 * time.Millisecond)
	want := []string{
		"start w2 in 0 with b", "admit w2",
		"it took its last call (max_requests 50) recycled w2 by ", "drain w2",
		"start w3 in 0 with b", "admit w3", "drain w1",
	}
	if got := w.take(); !slices.Equal(got, want) {
		t.Errorf("commands = %q, want %q", got, want)
	}
	w.run(time.Second)
	if p := w.m.Progress(); !p.Settled {
		t.Errorf("Progress() = %+v, want it settled", p)
	}
}

// TestTargetChangesBesideASpentWorker: the replacement on its way is all that serves
// the place, so it stays although its launch hash is not wanted any more.
func TestTargetChangesBesideASpentWorker(t *testing.T) {
	w := newWorld(t)
	limited := func(p *pool.Pool) { p.Lifecycle.MaxRequests = 50 }
	w.configure("a", 1, limited)
	w.run(time.Second)
	w.configure("b", 1, limited)
	w.run(50 * time.Millisecond)
	w.step(lifecycle.Spent{Worker: "w1"})
	w.take()
	w.configure("c", 1, limited)
	if got := w.take(); len(got) > 0 {
		t.Errorf("commands = %q, want none before w2 is healthy", got)
	}
	w.run(2 * time.Second)
	if got := w.launches(); got != "c" {
		t.Errorf("the place is served with %q, want c", got)
	}
}
