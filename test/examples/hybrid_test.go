package examples

import (
	"strings"
	"sync"
	"testing"
)

// A hundred processes beside four of sixteen threads: both pools run both commands, and
// status counts a slot for each call that can be executed at one time.
func testHybrid(t *testing.T, s *site) {
	s.apply(t, "hybrid.hcl")

	slots := map[string]int{}
	status, err := s.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range status.Pools {
		slots[p.Address] = p.Slots
	}
	if slots["pool.api"] != 100 || slots["pool.compute"] != 64 || len(slots) != 2 {
		t.Errorf("status counts the slots %v, want 100 of pool.api and 64 of pool.compute", slots)
	}
	shown := map[string]string{}
	for line := range strings.Lines(s.shell(t, "snakectl status")) {
		if fields := strings.Fields(strings.Replace(line, " (default)", "", 1)); len(fields) > 6 {
			shown[fields[0]] = fields[1] + " " + fields[6]
		}
	}
	if shown["pool.api"] != "process 100" || shown["pool.compute"] != "thread 64" {
		t.Errorf("status shows profile and slots %v, want process 100 and thread 64", shown)
	}

	for _, pool := range []string{"api", "compute"} {
		var key struct{ Key, Worker string }
		if s.exec(t, pool, "compute", []int{1000}, &key); !strings.HasPrefix(key.Worker, "pool."+pool+"/") || key.Key == "" {
			t.Errorf("compute of pool.%s = %+v, want a key of a worker of the pool", pool, key)
		}
	}
	if seen := s.pings(t, "api", 100); len(seen.processes) < 2 || len(seen.threads) != len(seen.processes) {
		t.Errorf("ping of pool.api was answered by %d processes and %d threads, want one thread in each of several", len(seen.processes), len(seen.threads))
	}
	if seen := s.pings(t, "compute", 64); len(seen.processes) > 4 || len(seen.threads) <= len(seen.processes) {
		t.Errorf("ping of pool.compute was answered by %d processes and %d threads, want several threads in at most 4", len(seen.processes), len(seen.threads))
	}
}

// answerers are those that answered a ping.
type answerers struct{ processes, threads map[int]bool }

// pings pings a pool from several callers at one time, until each made some calls.
func (s *site) pings(t *testing.T, pool string, callers int) answerers {
	t.Helper()
	var mu sync.Mutex // guards seen
	seen := answerers{map[int]bool{}, map[int]bool{}}
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range 5 {
				var from struct{ PID, Thread int }
				answer, err := s.client.Exec(t.Context(), pool, "ping", nil)
				if err == nil {
					err = answer.Decode(&from)
				}
				if err != nil {
					t.Errorf("ping of pool.%s: %v", pool, err)
					return
				}
				mu.Lock()
				seen.processes[from.PID], seen.threads[from.Thread] = true, true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return seen
}
