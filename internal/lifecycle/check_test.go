package lifecycle_test

import "github.com/snakectl/snakectl/internal/pool"

// serving counts the places that callers can reach a worker of.
func (w *world) serving() int {
	served := map[int]bool{}
	for _, p := range w.living {
		if p.ready && p.admitted && !p.leaving && !p.spent {
			served[p.place] = true
		}
	}
	return len(served)
}

// gaps counts the places below the size that nobody serves.
func (w *world) gaps() int {
	gaps := w.target.Size
	for place := range w.target.Size {
		for _, p := range w.living {
			if p.place == place && p.ready && p.admitted && !p.leaving && !p.spent {
				gaps--
				break
			}
		}
	}
	return gaps
}

// checkCapacity fails when the machine's own commands took capacity that a
// rolling change must keep. What crashed before is not its doing; a shrink takes
// the highest places, whatever the state of the others.
func (w *world) checkCapacity(before, oldSize, gaps int) {
	w.t.Helper()
	if w.stopped || w.target.Spec.Update.Strategy != pool.StrategyRolling {
		return
	}
	floor := min(oldSize, w.target.Size) - w.target.Spec.Update.MaxUnavailable.Of(w.target.Size)
	if w.target.Size < oldSize {
		floor -= gaps
	}
	if after := w.serving(); after < min(before, floor) {
		w.t.Fatalf("the machine's commands left %d of %d places served, want at least %d:\n%s",
			after, before, min(before, floor), w.tail())
	}
}

// checkPlaces fails when a place has more than a serving worker and a replacement.
func (w *world) checkPlaces() {
	w.t.Helper()
	held := map[int]int{}
	for _, p := range w.living {
		if !p.leaving {
			if held[p.place]++; held[p.place] > 2 {
				w.t.Fatalf("place %d has %d workers at once:\n%s", p.place, held[p.place], w.tail())
			}
		}
	}
}

// checkRecycling fails when more replacements of healthy workers are starting than
// max_recycling allows. One that was ready and is being killed, or has lost its
// connection, does not start any more.
func (w *world) checkRecycling() {
	w.t.Helper()
	starting := 0
	for _, p := range w.m.View().Places {
		switch p.Next.State {
		case pool.WorkerStarting, pool.WorkerHandshaking, pool.WorkerInitializing:
			if p.Serving.ID != "" && p.Next.Launch == p.Serving.Launch {
				starting++
			}
		default:
		}
	}
	if most := max(1, w.target.Spec.Lifecycle.MaxRecycling.Of(w.target.Size)); starting > w.most && starting > most {
		w.t.Fatalf("%d replacements are starting, want at most %d:\n%s", starting, most, w.tail())
	}
	w.most = starting // a smaller limit or size ends none that started
}
