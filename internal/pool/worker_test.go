package pool_test

import (
	"slices"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
)

var (
	workerStates = []pool.WorkerState{
		pool.WorkerStarting, pool.WorkerHandshaking, pool.WorkerInitializing, pool.WorkerReady, pool.WorkerAdopting,
		pool.WorkerDraining, pool.WorkerStopping, pool.WorkerExited, pool.WorkerQuarantined,
	}
	workerEvents = []pool.WorkerEvent{
		pool.WorkerSpawned, pool.WorkerHello, pool.WorkerAnswered, pool.WorkerDrain, pool.WorkerStop, pool.WorkerLost,
		pool.WorkerReturned, pool.WorkerExit,
	}
)

func TestWorkerLives(t *testing.T) {
	tests := []struct {
		name   string
		events []pool.WorkerEvent
		want   pool.WorkerState
	}{
		{"a life without trouble", []pool.WorkerEvent{pool.WorkerSpawned, pool.WorkerHello, pool.WorkerAnswered, pool.WorkerDrain, pool.WorkerStop, pool.WorkerExit}, pool.WorkerExited},
		{"ready", []pool.WorkerEvent{pool.WorkerSpawned, pool.WorkerHello, pool.WorkerAnswered}, pool.WorkerReady},
		{"lost and returned", []pool.WorkerEvent{pool.WorkerSpawned, pool.WorkerHello, pool.WorkerAnswered, pool.WorkerLost, pool.WorkerReturned}, pool.WorkerReady},
		{"lost while it drains", []pool.WorkerEvent{pool.WorkerSpawned, pool.WorkerHello, pool.WorkerAnswered, pool.WorkerDrain, pool.WorkerLost}, pool.WorkerStopping},
		{"drained before it was ready", []pool.WorkerEvent{pool.WorkerSpawned, pool.WorkerDrain}, pool.WorkerStopping},
		{"dead at once", []pool.WorkerEvent{pool.WorkerExit}, pool.WorkerExited},
	}
	for _, tt := range tests {
		s := pool.WorkerStarting
		for _, e := range tt.events {
			var err error
			if s, err = s.Next(e); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
		}
		if s != tt.want {
			t.Errorf("%s ends as %s, want %s", tt.name, s, tt.want)
		}
	}
}

// A process may die at any time, a worker that is stopping can only die, and a
// worker that gets no more calls never gets one again.
func TestWorkerTransitions(t *testing.T) {
	for _, s := range workerStates {
		for _, e := range workerEvents {
			next, err := s.Next(e)
			if err != nil {
				if e == pool.WorkerExit && s.Alive() {
					t.Errorf("a worker that is %s cannot die: %v", s, err)
				}
				if next != s {
					t.Errorf("%s takes %s to %s and returns an error", e, s, next)
				}
				continue
			}
			leaving := []pool.WorkerState{pool.WorkerStopping, pool.WorkerExited}
			if s == pool.WorkerStopping && !slices.Contains(leaving, next) {
				t.Errorf("%s brings a stopping worker back to %s", e, next)
			}
			if s == pool.WorkerDraining && next == pool.WorkerReady {
				t.Errorf("%s brings a draining worker back", e)
			}
			if e == pool.WorkerExit && next.Alive() {
				t.Errorf("a dead worker is %s", next)
			}
		}
	}
}
