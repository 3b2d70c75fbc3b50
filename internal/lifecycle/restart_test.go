package lifecycle_test

import (
	"strings"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

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

// TestQuarantineReason counts the failures of a place, and says in what way all of
// them ended where it is one.
func TestQuarantineReason(t *testing.T) {
	for first, want := range map[string]string{
		"exited 1": "exited 1, 4 times within 1m",
		"exited 3": "4 failures within 1m, the last: exited 1",
	} {
		w := settled(t, 2, nil)
		for kind := first; w.m.View().Places[0].Quarantined == ""; kind = "exited 1" {
			id := w.at(0)
			delete(w.living, id)
			w.step(lifecycle.Happened{Worker: id, Event: pool.WorkerExit, Reason: "worker " + id, Kind: kind})
			w.run(10 * time.Second)
		}
		if got := w.m.View().Places[0].Quarantined; got != want {
			t.Errorf("the place is quarantined with %q, want %q", got, want)
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
