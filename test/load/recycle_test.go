package load

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var recycledCalls = flag.Int("recycled-calls", 20_000, "how many calls TestRecyclingUnderLoad makes of workers that take 50 each")

// TestRecyclingUnderLoad makes every worker take exactly fifty calls under sixteen
// callers that never pause. No call fails; how long calls take is compared with the
// same pool without a limit, and reported.
func TestRecyclingUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts real workers")
	}
	const requests, steady = 50, 4000
	s := start(t)
	s.settle()
	plain, _ := s.wear(steady)

	file := filepath.Join(s.instance.Dir, "..", "config", "pools.hcl")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	limited := strings.Replace(string(text), "max_recycling", "max_requests  = 50\n    max_recycling", 1)
	if err := os.WriteFile(file, []byte(limited), 0o600); err != nil {
		t.Fatal(err)
	}
	s.snakectl("apply", "--auto-approve", filepath.Dir(file))
	before := s.status()["worn"]
	old := map[int]bool{} // they took more than the limit before there was one
	for _, w := range before.Workers {
		old[w.PID] = true
	}
	worn, last := s.wear(*recycledCalls)
	after := s.status()["worn"]

	serving := map[int]bool{}
	for _, w := range after.Workers {
		serving[w.PID] = true
	}
	for pid, n := range last {
		if !old[pid] && (n > requests || n < requests && !serving[pid]) {
			t.Errorf("process %d took %d calls, want exactly %d", pid, n, requests)
		}
	}
	if after.Calls.Failed != 0 || after.Restarts != 0 {
		t.Errorf("%d calls failed and %d workers were restarted, want none", after.Calls.Failed, after.Restarts)
	}
	if least := *recycledCalls/requests - len(after.Workers); after.Recycles < least {
		t.Errorf("%d workers were recycled, want at least %d", after.Recycles, least)
	}
	t.Logf("%d calls, %d workers recycled; p50 %s and %s without, p99 %s and %s without: %.2fx",
		*recycledCalls, after.Recycles, at(worn, 50), at(plain, 50), at(worn, 99), at(plain, 99), float64(at(worn, 99))/float64(at(plain, 99)))
}

// wear makes calls from sixteen callers. It returns how long each took, sorted, and
// the highest number of a call that each process told of.
func (s *site) wear(calls int) ([]time.Duration, map[int]int) {
	s.t.Helper()
	const callers = 16
	var (
		mu    sync.Mutex
		took  []time.Duration
		last  = map[int]int{}
		group sync.WaitGroup
	)
	for i := range callers {
		group.Go(func() {
			for range calls/callers + min(1, max(0, calls%callers-i)) {
				begun := time.Now()
				result, err := s.client.Exec(s.t.Context(), "worn", "work", nil)
				var told struct{ PID, Call int }
				if err == nil {
					err = result.Decode(&told)
				}
				if err != nil {
					s.t.Errorf("Exec: %v", err)
					return
				}
				mu.Lock()
				took = append(took, time.Since(begun))
				last[told.PID] = max(last[told.PID], told.Call)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	slices.Sort(took)
	return took, last
}

// at returns a percentile of sorted times.
func at(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 1
	}
	return sorted[(len(sorted)-1)*percent/100].Round(10 * time.Microsecond)
}
