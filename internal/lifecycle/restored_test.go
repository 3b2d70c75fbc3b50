package lifecycle_test

import (
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// TestRollBeginsInRestoredPlace rolls a pool whose first place was quarantined
// under a former supervisor and holds nothing. The trial worker fills it; the roll
// must go on by itself, though only max_unavailable lets it.
func TestRollBeginsInRestoredPlace(t *testing.T) {
	w := newWorld(t)
	change := func(p *pool.Pool) { p.Update.Surge, p.Update.MaxUnavailable = 0, 1 }
	old := w.newID()
	w.living[old] = &process{id: old, place: 1, launch: "a", ready: true}
	w.step(lifecycle.Adopt{Worker: old, Place: 1, Launch: "a"})
	w.step(lifecycle.Restore{Place: 0, Message: "it died too often"})
	w.configure("a", 2, change)
	w.step(lifecycle.Happened{Worker: old, Event: pool.WorkerReturned})

	trial := w.newID()
	w.living[trial] = &process{id: trial, launch: "b", ready: true}
	w.step(lifecycle.Configure{
		Target: lifecycle.Target{Spec: spec(change), Launch: "b", Size: 2}, Repair: true, Ready: trial, Place: 0,
	})
	w.run(2 * time.Second)
	if p := w.m.Progress(); !p.Settled || w.launches() != "b b" {
		t.Errorf("Progress() = %+v with launches %s, want a finished roll\n%s", p, w.launches(), w.tail())
	}
}
