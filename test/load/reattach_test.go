package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/test/harness"
)

// outages is how often the supervisor goes away under the load, every so often.
const (
	outages     = 5
	outageEvery = 700 * time.Millisecond
	large       = 1 << 20
)

// tally is what the callers of the logged pool saw.
type tally struct {
	mu     sync.Mutex
	ok     map[string]int // by token
	failed map[string]error
}

// TestCallsOutliveAKilledSupervisor kills the supervisor again and again while
// sixteen callers make calls that must not run twice.
func TestCallsOutliveAKilledSupervisor(t *testing.T) {
	s := startLogged(t)
	before := s.settle()["logged"]
	calls := s.callThrough(func() {
		status, err := s.client.Status(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		if err := syscall.Kill(status.Supervisor.PID, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		harness.Until(t.Context(), settling, func() bool { return !harness.Running(status.Supervisor.PID) })
		s.snakectl("supervisor", "start")
	})
	s.check(calls)
	for token, err := range calls.failed {
		t.Errorf("%s: %v, want every call answered: no worker died", token, err)
	}
	after := s.settle()["logged"]
	for i, w := range before.Workers {
		if got := after.Workers[i].PID; got != w.PID {
			t.Errorf("%s has pid %d, want %d", w.Address, got, w.PID)
		}
	}
}

func startLogged(t *testing.T) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts real workers")
	}
	log := filepath.Join(t.TempDir(), "executed")
	s := startWith(t, filepath.Join("testdata", "reattach"), "log="+log)
	s.executions = log
	return s
}

// callThrough makes random calls until the supervisor has gone away often enough.
func (s *site) callThrough(goAway func()) *tally {
	calls := &tally{ok: map[string]int{}, failed: map[string]error{}}
	ctx, cancel := context.WithCancel(s.t.Context())
	var all sync.WaitGroup
	seed := uint64(time.Now().UnixNano())
	s.t.Logf("seed %d", seed)
	for caller := range 16 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(caller)))
			for i := 0; ctx.Err() == nil; i++ {
				s.callLogged(calls, fmt.Sprintf("%d-%d", caller, i), r)
			}
		})
	}
	tick := time.NewTicker(outageEvery)
	defer tick.Stop()
	for range outages {
		<-tick.C
		goAway()
	}
	<-tick.C
	cancel()
	all.Wait()
	s.t.Logf("%d calls answered, %d failed", len(calls.ok), len(calls.failed))
	return calls
}

// callLogged makes one call and notes how it ended.
func (s *site) callLogged(calls *tally, token string, r *rand.Rand) {
	args := map[string]any{"token": token, "ms": r.IntN(40)}
	pad, size := 0, 0
	switch r.IntN(20) {
	case 0:
		pad = large
	case 1:
		size = large
	case 2:
		pad, size = large, large
	}
	args["pad"], args["size"] = strings.Repeat("x", pad), size
	// Not the test's context: what was begun is waited for.
	result, err := s.client.Exec(context.WithoutCancel(s.t.Context()), "logged", "work", args, client.Timeout(time.Minute))
	calls.mu.Lock()
	defer calls.mu.Unlock()
	if err != nil {
		calls.failed[token] = err
		return
	}
	calls.ok[token]++
	var got struct {
		Token string
		Got   int
		Pad   string
	}
	if err := result.Decode(&got); err != nil || got.Token != token || got.Got != pad || len(got.Pad) != size {
		s.t.Errorf("%s: the answer is of %q with %d and %d bytes (%v), want %d and %d", token, got.Token, got.Got, len(got.Pad), err, pad, size)
	}
}

// check compares what was executed with what the callers saw.
func (s *site) check(calls *tally) {
	s.t.Helper()
	text, err := os.ReadFile(s.executions)
	if err != nil {
		s.t.Fatal(err)
	}
	executed := map[string]int{}
	for token := range strings.FieldsSeq(string(text)) {
		executed[token]++
	}
	for token, n := range executed {
		if n != 1 {
			s.t.Errorf("%s was executed %d times", token, n)
		}
		if calls.ok[token] == 0 && calls.failed[token] == nil {
			s.t.Errorf("%s was executed for nobody", token)
		}
	}
	for token := range calls.ok {
		if executed[token] != 1 {
			s.t.Errorf("%s has an answer and was executed %d times", token, executed[token])
		}
	}
	for token, err := range calls.failed {
		call, isCall := errors.AsType[*client.Error](err)
		if isCall && !call.Started && executed[token] > 0 {
			s.t.Errorf("%s was executed, and its caller was told that it never started: %v", token, err)
		}
	}
}
