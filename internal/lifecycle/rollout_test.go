package lifecycle_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// reverting makes failed rolls go back.
func reverting(p *pool.Pool) { p.Update.AutoRevert = true }

func canary(n pool.Share, auto bool) func(*pool.Pool) {
	return func(p *pool.Pool) { p.Update.Canary, p.Update.AutoPromote, p.Update.AutoRevert = n, auto, true }
}

// rollTo asks for another launch hash; the pool comes from launch a.
func (w *world) rollTo(launch string, size int, change func(*pool.Pool), more func(*lifecycle.Configure)) {
	w.t.Helper()
	e := lifecycle.Configure{
		Target:   lifecycle.Target{Spec: spec(change), Launch: launch, Size: size},
		Fallback: lifecycle.Target{Spec: spec(change), Launch: "a", Size: size},
	}
	if more != nil {
		more(&e)
	}
	w.step(e)
}

func (w *world) phase() pool.RolloutPhase { return w.m.View().Rollout.Phase }

func (w *world) told(kind string) bool {
	return slices.ContainsFunc(w.tells, func(t lifecycle.Tell) bool { return t.Type == kind })
}

// crashLater has every worker of a launch hash die d after it was ready.
func (w *world) crashLater(launch string, d time.Duration) {
	w.crashes[launch] = d
}

func TestCanary(t *testing.T) {
	t.Run("waits and is promoted", func(t *testing.T) {
		w := settled(t, 4, nil)
		w.rollTo("b", 4, canary(1, false), nil)
		w.run(time.Hour)
		if got := w.launches(); got != "b a a a" || w.phase() != pool.RolloutWaiting {
			t.Fatalf("launches = %q in phase %q, want one canary that waits:\n%s", got, w.phase(), w.tail())
		}
		if p := w.m.Progress(); p.Settled || p.Failed != "" {
			t.Errorf("Progress() = %+v, want it to go on", p)
		}
		w.exit(w.at(2), "was killed by SIGKILL") // comes back with the former code
		w.run(time.Second)
		if got := w.launches(); got != "b a a a" {
			t.Errorf("launches after a crash = %q", got)
		}
		w.step(lifecycle.Steer{Order: pool.RolloutPromote, Reason: "by ops"})
		w.run(10 * time.Second)
		wantSettled(t, w, "b b b b")
	})
	t.Run("promotes itself", func(t *testing.T) {
		w := settled(t, 4, nil)
		w.rollTo("b", 4, canary(-50, true), nil)
		w.run(10 * time.Second)
		wantSettled(t, w, "b b b b")
		if !w.told(pool.EventCanaryWaiting) || !w.told(pool.EventCanaryPromoted) || !w.told(pool.EventRolloutComplete) {
			t.Errorf("told %+v", w.tells)
		}
	})
	t.Run("is aborted", func(t *testing.T) {
		w := settled(t, 3, nil)
		w.rollTo("b", 3, canary(2, false), nil)
		w.run(time.Minute)
		w.step(lifecycle.Steer{Order: pool.RolloutRevert, Reason: "aborted by ops"})
		w.run(time.Minute)
		wantSettled(t, w, "a a a")
		if r := w.m.View().Rollout; r.Phase != pool.RolloutReverted || r.Reason != "aborted by ops" {
			t.Errorf("rollout = %+v, want it reverted", r)
		}
	})
	t.Run("fails", func(t *testing.T) {
		w := settled(t, 3, nil)
		w.crashLater("b", 50*time.Millisecond)
		w.rollTo("b", 3, canary(1, false), nil)
		w.run(time.Minute)
		wantSettled(t, w, "a a a")
		if r := w.m.View().Rollout; r.Phase != pool.RolloutReverted {
			t.Errorf("rollout = %+v, want it reverted", r)
		}
	})
	t.Run("is the whole pool", func(t *testing.T) {
		w := settled(t, 2, nil)
		w.rollTo("b", 2, canary(5, false), nil)
		w.run(time.Minute)
		if got := w.launches(); got != "b b" || w.phase() != pool.RolloutWaiting {
			t.Fatalf("launches = %q in phase %q, want canaries that wait", got, w.phase())
		}
		w.step(lifecycle.Steer{Order: pool.RolloutPromote})
		w.run(time.Second)
		wantSettled(t, w, "b b")
	})
	t.Run("goes on under another supervisor", func(t *testing.T) {
		for promoted, want := range map[bool]string{false: "a b a", true: "b b b"} {
			w := newWorld(t)
			for place, launch := range []string{"a", "b", "a"} {
				p := &process{id: w.newID(), place: place, launch: launch, ready: true, admitted: true}
				w.living[p.id] = p
				w.step(lifecycle.Adopt{Worker: p.id, Place: place, Launch: launch})
			}
			w.rollTo("b", 3, canary(1, false), func(e *lifecycle.Configure) { e.Promoted = promoted })
			for _, id := range []string{"w1", "w2", "w3"} {
				w.step(lifecycle.Happened{Worker: id, Event: pool.WorkerReturned})
			}
			w.run(time.Minute)
			if got := w.launches(); got != want {
				t.Errorf("promoted %t: launches = %q, want %q", promoted, got, want)
			}
		}
	})
}

// TestRevert: a roll that fails half way goes back, whatever its policy.
func TestRevert(t *testing.T) {
	for name, change := range map[string]func(*pool.Pool){
		"surge":    func(p *pool.Pool) { reverting(p) },
		"no surge": func(p *pool.Pool) { surge(0, 1)(p); reverting(p) },
		"recreate": func(p *pool.Pool) { recreate(p); reverting(p) },
	} {
		t.Run(name, func(t *testing.T) {
			w := settled(t, 3, change)
			w.rollTo("b", 3, change, nil)
			half := map[string]time.Duration{"recreate": 50 * time.Millisecond}[name]
			w.run(max(half, 150*time.Millisecond-2*half))
			w.broken["b"] = true
			for _, p := range w.sorted() {
				if p.launch == "b" && !p.leaving {
					w.exit(p.id, "exited with status 3")
					break
				}
			}
			w.run(time.Minute)
			wantSettled(t, w, "a a a")
			r := w.m.View().Rollout
			if r.Phase != pool.RolloutReverted || !strings.Contains(r.Reason, "exited with status") {
				t.Errorf("rollout = %+v, want it reverted with the cause", r)
			}
			if !slices.Contains(w.take(), "revert to a") {
				t.Error("the edge was not told")
			}
		})
	}
	t.Run("that fails holds", func(t *testing.T) {
		w := settled(t, 3, reverting)
		w.rollTo("b", 3, reverting, nil)
		w.run(150 * time.Millisecond) // one place has changed
		w.broken["a"], w.broken["b"] = true, true
		w.run(time.Hour)
		if w.phase() != pool.RolloutHeld {
			t.Fatalf("phase = %q, want held:\n%s", w.phase(), w.tail())
		}
		if p := w.m.Progress(); !strings.Contains(p.Failed, "the revert failed, too") {
			t.Errorf("Progress() = %+v, want both failures", p)
		}
		before := len(w.commands)
		w.run(time.Hour)
		if len(w.commands) > before {
			t.Errorf("a held pool goes on: %q", w.commands[before:])
		}
	})
	t.Run("takes the size back", func(t *testing.T) {
		w := settled(t, 2, reverting)
		w.broken["b"] = true
		w.rollTo("b", 4, reverting, func(e *lifecycle.Configure) { e.Fallback.Size = 2 })
		w.run(time.Minute)
		wantSettled(t, w, "a a")
	})
	t.Run("goes on under another supervisor", func(t *testing.T) {
		w := settled(t, 2, reverting)
		w.rollTo("b", 2, reverting, func(e *lifecycle.Configure) { e.Revert = "it failed before" })
		w.run(time.Minute)
		wantSettled(t, w, "a a")
		if r := w.m.View().Rollout; r.Phase != pool.RolloutReverted || r.Reason != "it failed before" {
			t.Errorf("rollout = %+v", r)
		}
	})
}

func TestRolloutLimits(t *testing.T) {
	t.Run("max_failures", func(t *testing.T) {
		w := settled(t, 2, nil)
		w.broken["b"] = true
		change := func(p *pool.Pool) { reverting(p); p.Update.MaxFailures = 3 }
		w.rollTo("b", 2, change, nil)
		w.run(time.Minute)
		wantSettled(t, w, "a a")
		started := 0
		for _, c := range w.take() {
			if strings.HasPrefix(c, "start") && strings.HasSuffix(c, "with b") {
				started++
			}
		}
		if started != 3 {
			t.Errorf("%d workers were tried, want 3", started)
		}
	})
	t.Run("a failure that is forgiven", func(t *testing.T) {
		w := settled(t, 2, nil)
		w.broken["b"] = true
		change := func(p *pool.Pool) { reverting(p); p.Update.MaxFailures = 2 }
		w.rollTo("b", 2, change, nil)
		w.run(15 * time.Millisecond)
		delete(w.broken, "b")
		w.run(time.Minute)
		wantSettled(t, w, "b b")
	})
	t.Run("healthy_deadline", func(t *testing.T) {
		w := settled(t, 2, nil)
		w.silent["b"] = true
		change := func(p *pool.Pool) { reverting(p); p.Update.HealthyDeadline = pool.Duration(500 * time.Millisecond) }
		w.rollTo("b", 2, change, nil)
		w.run(600 * time.Millisecond)
		wantSettled(t, w, "a a")
		w.take()
	})
	t.Run("progress_deadline", func(t *testing.T) {
		w := settled(t, 2, nil)
		w.broken["b"] = true
		change := func(p *pool.Pool) {
			reverting(p)
			p.Update.MaxFailures, p.Update.ProgressDeadline = 1000, pool.Duration(20*time.Second)
		}
		w.rollTo("b", 2, change, nil)
		w.run(19 * time.Second)
		if w.phase() != pool.RolloutRolling {
			t.Fatalf("phase = %q, want rolling", w.phase())
		}
		w.run(2 * time.Second)
		wantSettled(t, w, "a a")
		if r := w.m.View().Rollout; !strings.Contains(r.Reason, "progress_deadline") {
			t.Errorf("rollout = %+v", r)
		}
	})
	t.Run("max_parallel", func(t *testing.T) {
		w := settled(t, 4, nil)
		change := func(p *pool.Pool) { p.Update.Surge, p.Update.MaxParallel = 3, -50 }
		w.rollTo("b", 4, change, nil)
		if got := len(w.take()); got != 2 {
			t.Errorf("%d workers start at once, want max_parallel", got)
		}
		w.run(time.Minute)
		wantSettled(t, w, "b b b b")
	})
}

// TestPausedRollout: what is under way ends, and it goes on when it is resumed.
func TestPausedRollout(t *testing.T) {
	w := settled(t, 3, nil)
	w.rollTo("b", 3, reverting, nil)
	w.step(lifecycle.Steer{Order: pool.RolloutPause, Reason: "by ops"})
	w.run(time.Hour)
	if got := w.launches(); got != "b a a" || w.phase() != pool.RolloutPaused {
		t.Fatalf("launches = %q in phase %q, want it paused", got, w.phase())
	}
	w.exit(w.at(1), "was killed by SIGKILL")
	w.run(time.Second)
	if got := w.launches(); got != "b a a" {
		t.Errorf("launches = %q, want what the places hold", got)
	}
	w.step(lifecycle.Steer{Order: pool.RolloutResume})
	w.run(time.Minute)
	wantSettled(t, w, "b b b")
}

// TestRolloutsEnd: whatever happens to a pool that rolls to something bad, within
// bounded time it is reverted or held, has started a bounded number of workers of the
// bad launch hash, and goes nowhere afterwards. The world checks the floor at each step.
func TestRolloutsEnd(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(r)
		size := rapid.IntRange(1, 5).Draw(r, "size")
		failures := rapid.IntRange(1, 3).Draw(r, "max_failures")
		change := func(p *pool.Pool) {
			p.Update.Surge = pool.Share(rapid.SampledFrom([]int{1, 2, -50}).Draw(r, "surge"))
			p.Update.MaxUnavailable = pool.Share(rapid.SampledFrom([]int{0, 1, -25}).Draw(r, "max_unavailable"))
			p.Update.Canary = pool.Share(rapid.IntRange(0, 2).Draw(r, "canary"))
			p.Update.AutoPromote = rapid.Bool().Draw(r, "auto_promote")
			p.Update.AutoRevert = rapid.Bool().Draw(r, "auto_revert")
			p.Update.MaxFailures = failures
			p.Update.HealthyDeadline = pool.Duration(5 * time.Second)
			p.Update.ProgressDeadline = pool.Duration(30 * time.Second)
		}
		w.configure("a", size, nil)
		w.run(10 * time.Second)
		switch rapid.SampledFrom([]string{"broken", "mute", "crash", "late crash"}).Draw(r, "fault") {
		case "broken":
			w.broken["b"] = true
		case "mute":
			w.silent["b"] = true
		case "crash":
			w.crashLater("b", 50*time.Millisecond)
		case "late crash":
			w.crashLater("b", time.Second) // later than min_healthy_time
		}
		late := w.crashes["b"] == time.Second
		w.take()
		w.rollTo("b", size, change, nil)
		for range rapid.IntRange(0, 6).Draw(r, "orders") {
			order := rapid.SampledFrom([]pool.RolloutEvent{pool.RolloutPause, pool.RolloutResume, pool.RolloutPromote, pool.RolloutRevert}).Draw(r, "order")
			w.step(lifecycle.Steer{Order: order, Reason: "by ops"})
			w.run(time.Duration(rapid.IntRange(0, 1000).Draw(r, "ms")) * time.Millisecond)
		}
		w.step(lifecycle.Steer{Order: pool.RolloutResume})
		w.step(lifecycle.Steer{Order: pool.RolloutPromote})
		w.run(2 * time.Minute)
		w.step(lifecycle.Steer{Order: pool.RolloutPromote})
		w.run(2 * time.Minute)
		phase := w.phase()
		if !late && phase != pool.RolloutReverted && phase != pool.RolloutHeld {
			r.Fatalf("a roll to something bad is %q\n%s", phase, w.tail())
		}
		if phase == pool.RolloutReverted || phase == pool.RolloutHeld {
			w.take()
			w.run(5 * time.Minute)
			for _, c := range w.take() {
				if phase == pool.RolloutReverted && strings.HasSuffix(c, "with b") {
					r.Fatalf("a reverted pool does %q", c)
				}
			}
			if got := w.phase(); got != phase {
				r.Fatalf("a rollout that is %s becomes %s", phase, got)
			}
		}
		if phase == pool.RolloutReverted && w.launches() != strings.TrimSpace(strings.Repeat("a ", size)) {
			r.Fatalf("launches = %q after a revert", w.launches())
		}
	})
}
