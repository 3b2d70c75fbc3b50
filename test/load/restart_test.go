package load

import (
	"errors"
	"sync"
	"syscall"
	"testing"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/test/harness"
)

// TestSupervisorKnowsItsPoolsAtOnce kills the supervisor and calls its successor
// from the first moment that it answers: it never says that a pool does not exist,
// and its workers are those that lived before.
func TestSupervisorKnowsItsPoolsAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts real workers")
	}
	s := start(t)
	before := s.settle()
	for range 5 {
		status, err := s.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(status.Supervisor.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		harness.Until(t.Context(), settling, func() bool { return !harness.Running(status.Supervisor.PID) })
		started := make(chan struct{})
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() {
				for {
					_, err := s.client.Exec(t.Context(), "steady", "echo", kwargs{"value": 1})
					var call *client.Error
					if errors.As(err, &call) && call.Category == pool.CategoryUnknownPool {
						t.Errorf("Exec = %v", err)
						return
					}
					select {
					case <-started:
						return
					default:
					}
				}
			})
		}
		s.snakectl("supervisor", "start")
		close(started)
		callers.Wait()
	}
	after := s.settle()
	for name := range before {
		for i, w := range before[name].Workers {
			if got := after[name].Workers[i].PID; got != w.PID {
				t.Errorf("%s has pid %d, want %d: it was not adopted", w.Address, got, w.PID)
			}
		}
	}
}
