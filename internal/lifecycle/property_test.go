package lifecycle_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// history drives a world through random events. Every command is checked as it
// comes: see world.
type history struct {
	r     *rapid.T
	w     *world
	size  int
	hash  string
	tweak func(*pool.Pool)
	// calm policies recycle nothing by themselves.
	calm bool
}

func newHistory(r *rapid.T) *history {
	w := newWorld(r)
	w.broken["bad"], w.silent["mute"] = true, true
	h := &history{r: r, w: w}
	h.configure(rapid.SampledFrom([]string{"a", "b"}).Draw(r, "first launch"))
	return h
}

// configure draws a new size and policy and applies them with a launch hash.
func (h *history) configure(hash string) {
	h.size = rapid.IntRange(0, 5).Draw(h.r, "size")
	surge := rapid.IntRange(0, 2).Draw(h.r, "surge")
	unavailable := rapid.IntRange(0, 2).Draw(h.r, "max_unavailable")
	if surge+unavailable == 0 {
		surge = 1
	}
	strategy := rapid.SampledFrom([]string{pool.StrategyRolling, pool.StrategyRolling, pool.StrategyRecreate}).Draw(h.r, "strategy")
	parallelism := rapid.IntRange(1, 4).Draw(h.r, "parallelism")
	healthy := rapid.SampledFrom([]time.Duration{0, 50 * time.Millisecond, time.Second}).Draw(h.r, "min_healthy_time")
	h.hash = hash
	policy := pool.Lifecycle{MaxRecycling: rapid.SampledFrom([]pool.Share{1, 2, -25, -50}).Draw(h.r, "max_recycling")}
	if !h.calm {
		policy.MaxRequests = rapid.SampledFrom([]int{0, 50}).Draw(h.r, "max_requests")
		policy.TTL = rapid.SampledFrom([]pool.Duration{0, pool.Duration(3 * time.Second)}).Draw(h.r, "ttl")
		policy.IdleTTL = rapid.SampledFrom([]pool.Duration{0, pool.Duration(2 * time.Second)}).Draw(h.r, "idle_ttl")
		policy.Jitter = 0.5
	}
	canary, auto := pool.Share(0), rapid.Bool().Draw(h.r, "auto")
	if !h.calm {
		canary = pool.Share(rapid.IntRange(0, 2).Draw(h.r, "canary"))
	}
	failures, batch := rapid.IntRange(0, 2).Draw(h.r, "max_failures"), pool.Share(rapid.SampledFrom([]int{0, 1, -50}).Draw(h.r, "max_parallel"))
	h.tweak = func(p *pool.Pool) {
		p.Lifecycle = policy
		p.Update = pool.Update{Strategy: strategy, Surge: pool.Share(surge), MaxUnavailable: pool.Share(unavailable), MinHealthyTime: pool.Duration(healthy)}
		p.Update.Canary, p.Update.AutoPromote, p.Update.AutoRevert = canary, auto, auto
		p.Update.MaxFailures, p.Update.MaxParallel = failures, batch
		p.Update.HealthyDeadline, p.Update.ProgressDeadline = pool.Duration(4*time.Second), pool.Duration(30*time.Second)
		p.Startup.Parallelism = parallelism
	}
	e := lifecycle.Configure{Target: lifecycle.Target{Spec: spec(h.tweak), Launch: hash, Size: h.size}}
	if back := rapid.SampledFrom([]string{"", "a", "b"}).Draw(h.r, "fallback"); back != "" && back != hash {
		e.Fallback = lifecycle.Target{Spec: spec(h.tweak), Launch: back, Size: rapid.IntRange(0, 5).Draw(h.r, "fallback size")}
	}
	if h.size > 0 && hash != "bad" && hash != "mute" && rapid.IntRange(0, 3).Draw(h.r, "trial") == 0 {
		e.Ready = h.w.newID()
		h.w.living[e.Ready] = &process{id: e.Ready, launch: hash, ready: true}
	}
	h.w.step(e)
}

// worker draws one that lives, nil when there is none.
func (h *history) worker() *process {
	var ids []string
	for n := range h.w.next + 1 {
		if id := idOf(n); h.w.living[id] != nil {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return h.w.living[rapid.SampledFrom(ids).Draw(h.r, "worker")]
}

// disturb lets one random thing happen.
func (h *history) disturb() {
	w := h.w
	switch what := rapid.SampledFrom([]string{
		"pass", "pass", "crash", "crash", "lose", "stuck", "roll", "roll", "bad roll", "resize", "recycle", "pause", "repair", "tick", "deaf", "slow",
		"nearing", "nearing", "spent", "spent", "memory", "unresponsive", "steer", "steer",
	}).Draw(h.r, "what"); what {
	case "pass":
		w.run(time.Duration(rapid.IntRange(1, 3000).Draw(h.r, "ms")) * time.Millisecond)
	case "crash":
		if p := h.worker(); p != nil {
			w.die(p.id, "was killed by SIGKILL", rapid.Bool().Draw(h.r, "during a call"))
		}
	case "lose":
		if p := h.worker(); p != nil {
			w.lose(p.id, time.Duration(rapid.IntRange(1, 7000).Draw(h.r, "ms away"))*time.Millisecond)
		}
	case "stuck":
		if p := h.worker(); p != nil {
			w.step(lifecycle.Stuck{Worker: p.id})
		}
	case "roll":
		h.configure(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(h.r, "launch"))
	case "bad roll":
		h.configure(rapid.SampledFrom([]string{"bad", "mute"}).Draw(h.r, "launch"))
	case "nearing", "spent", "memory", "unresponsive":
		h.wear(what)
	case "resize":
		h.size = rapid.IntRange(0, 5).Draw(h.r, "size")
		w.step(lifecycle.Resize{Size: h.size})
	case "recycle":
		w.step(lifecycle.Recycle{Place: rapid.IntRange(-1, 5).Draw(h.r, "place")})
	case "steer":
		w.step(lifecycle.Steer{Order: rapid.SampledFrom([]pool.RolloutEvent{
			pool.RolloutPause, pool.RolloutResume, pool.RolloutPromote, pool.RolloutRevert,
		}).Draw(h.r, "order")})
	case "pause":
		w.step(lifecycle.Pause{Reason: "stopped by request"})
	case "repair":
		w.step(lifecycle.Configure{Target: w.target, Repair: true})
	case "tick":
		w.step(lifecycle.Tick{})
	case "deaf":
		w.deaf = !w.deaf
	case "slow":
		w.readyAfter = time.Duration(rapid.IntRange(1, 400).Draw(h.r, "start ms")) * time.Millisecond
	}
}

// wear tells of a worker what the edge would tell of one that serves.
func (h *history) wear(what string) {
	p := h.worker()
	if p == nil || !p.ready || !p.admitted || p.leaving {
		return
	}
	counted := h.w.target.Spec.Lifecycle.MaxRequests > 0
	switch {
	case what == "nearing" && counted:
		h.w.step(lifecycle.Nearing{Worker: p.id})
	case what == "spent" && counted:
		h.w.step(lifecycle.Spent{Worker: p.id})
	case what == "memory":
		h.w.step(lifecycle.OverMemory{Worker: p.id, Reason: "it holds too much"})
	case what == "unresponsive":
		h.w.step(lifecycle.Unresponsive{Worker: p.id, Reason: "it did not answer"})
	}
}

func (h *history) disturbances() {
	for range rapid.IntRange(1, 40).Draw(h.r, "disturbances") {
		h.disturb()
	}
}

// TestAnyHistorySettles ends the faults, asks for a good target once more, and
// wants the pool there within a bounded number of steps and of seconds.
func TestAnyHistorySettles(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := newHistory(r)
		h.disturbances()
		w := h.w
		clear(w.broken)
		clear(w.silent)
		w.deaf, w.readyAfter, h.calm = false, 10*time.Millisecond, true
		w.run(10 * time.Second) // what was already dying is dead
		h.configure(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "last launch"))
		w.step(lifecycle.Configure{Target: w.target, Repair: true})
		w.steps = 0
		for range 120 {
			w.run(time.Second)
		}
		if w.steps > 400 {
			r.Errorf("it took %d steps to settle", w.steps)
		}
		if p := w.m.Progress(); !p.Settled || p.Failed != "" {
			r.Errorf("Progress() = %+v, want it settled\n%s", p, w.tail())
		}
		h.wantOnly(h.size)
	})
}

// TestAnyHistoryStops: whatever happened before, Stop ends every worker.
func TestAnyHistoryStops(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := newHistory(r)
		h.disturbances()
		h.w.step(lifecycle.Stop{})
		h.w.run(10 * time.Second)
		h.wantOnly(0)
	})
}

// wantOnly fails unless just size workers live, each the serving one of its place.
func (h *history) wantOnly(size int) {
	w := h.w
	if len(w.living) != size {
		h.r.Errorf("%d workers live, want %d\n%s", len(w.living), size, w.tail())
	}
	view := w.m.View()
	if len(view.Places) != size || len(view.Leaving) > 0 {
		h.r.Errorf("View() = %+v, want %d places and nobody leaving", view, size)
	}
	for _, p := range view.Places {
		if q := w.living[p.Serving.ID]; q == nil || !q.ready || !q.admitted || q.leaving || q.launch != h.hash || p.Next.ID != "" {
			h.r.Errorf("place %d = %+v, want it served with %s\n%s", p.Index, p, h.hash, w.tail())
		}
	}
}

// TestEqualHistoriesGiveEqualCommands replays a history on a second machine.
func TestEqualHistoriesGiveEqualCommands(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := newHistory(r)
		h.disturbances()
		again := newWorld(r)
		var commands []string
		for _, e := range h.w.events {
			if c, ok := e.event.(lifecycle.Configure); ok && c.Ready != "" {
				again.newID() // the trial took one
			}
			for _, c := range again.m.Step(e.at, e.event) {
				if _, tell := c.(lifecycle.Tell); !tell {
					commands = append(commands, describe(c))
				}
			}
		}
		if diff := cmp.Diff(h.w.commands, commands); diff != "" {
			r.Errorf("replay (-first +second):\n%s", diff)
		}
		if diff := cmp.Diff(h.w.m.View(), again.m.View()); diff != "" {
			r.Errorf("view of the replay (-first +second):\n%s", diff)
		}
	})
}

// TestLastPlaceIsNeverQuarantined looks after every disturbance.
func TestLastPlaceIsNeverQuarantined(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := newHistory(r)
		for range rapid.IntRange(1, 30).Draw(r, "disturbances") {
			h.disturb()
			view := h.w.m.View()
			quarantined := 0
			for _, p := range view.Places {
				if p.Quarantined != "" {
					quarantined++
				}
			}
			if len(view.Places) > 0 && quarantined == len(view.Places) {
				r.Fatalf("all %d places are quarantined\n%s", quarantined, h.w.tail())
			}
		}
	})
}
