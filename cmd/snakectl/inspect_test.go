package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
)

// TestInspect joins samples, counters and limits of a pool.
func TestInspect(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	started := now.Add(-time.Minute)
	worker := func(state pool.WorkerState, calls uint64, rss int64) pool.WorkerStatus {
		return pool.WorkerStatus{Address: "pool.api/0", State: state, Slots: 1, Calls: calls, RSSBytes: rss, StartedAt: &started}
	}
	p := pool.PoolStatus{
		Address: "pool.api", Profile: "process", Size: 3, Ready: 2, Busy: 1, Available: 1, Calls: pool.CallCounts{OK: 12, Rejected: 3},
		Restarts: 1, Workers: []pool.WorkerStatus{
			worker(pool.WorkerReady, 95, 10<<20), worker(pool.WorkerBusy, 5, 30<<20), {Address: "pool.api/2", State: pool.WorkerQuarantined},
		},
	}
	s := &sum{took: 2 * time.Second}
	for range 3 {
		s.add(&p)
	}
	p.Busy = 2
	s.add(&p)
	accepted := &pool.Pool{Lifecycle: pool.Lifecycle{MaxRequests: 100, TTL: pool.Duration(time.Hour)}}
	in := inspect(&p, s, pool.CallCounts{OK: 10}, accepted, now)
	type figures struct {
		Capacity, Load, Samples, Quarantined int
		Utilization                          float64
		Band, Due                            string
		During                               pool.CallCounts
		Memory, Median, Largest              int64
	}
	want := figures{2, 2, 4, 1, 5.0 / 8, "good", "95 of 100 calls, 1m of 1h", pool.CallCounts{OK: 2, Rejected: 3}, 40 << 20, 30 << 20, 30 << 20}
	got := figures{
		in.Capacity, in.Load, in.Samples, in.Quarantined, in.Utilization, in.Band, in.Workers[0].Due, in.During,
		in.MemoryBytes, in.WorkerBytes, in.LargestBytes,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inspect (-want +got):\n%s", diff)
	}
	in.Advice = advise(&in, 8)
	text := renderInspection([]inspection{in}, true, true, now)
	for _, words := range []string{
		"62 % (good), measured for 2.0 s in 4 samples", "95 of 100 calls, 1m of 1h", "1 of 3 places are quarantined",
		"1 workers died", "1 workers have taken more than 90 % of their 100 calls",
	} {
		if !strings.Contains(text, words) {
			t.Errorf("the text lacks %q:\n%s", words, text)
		}
	}
}

func TestAdviceOnSize(t *testing.T) {
	tests := []struct {
		name  string
		in    inspection
		cores int
		want  string
	}{
		{"full with a queue", inspection{Size: 2, Capacity: 2, Utilization: 1, Band: "full", MeanQueued: 5}, 16, "try size = 10"},
		{"more than the cores", inspection{Size: 4, Capacity: 4, Utilization: 1, Band: "full", MeanQueued: 1}, 2, "fewer cores"},
		{"full but large enough", inspection{Size: 9, Capacity: 2, Utilization: 1, Band: "full"}, 2, ""},
		{"turned away", inspection{Size: 2, Capacity: 2, Utilization: 0.5, Band: "good", MeanQueued: 2, During: pool.CallCounts{Rejected: 1}}, 8, "try size = 5"},
		{"good", inspection{Size: 4, Capacity: 4, Utilization: 0.5, Band: "good"}, 8, ""},
		{"idle for a moment", inspection{Size: 4, Capacity: 4, Band: "idle", MeasuredMS: 1000}, 8, ""},
		{"idle for long", inspection{Size: 4, Capacity: 4, Band: "idle", MeasuredMS: 20_000}, 8, "size = 1 is enough"},
		{"low for long", inspection{Size: 10, Capacity: 10, Utilization: 0.2, Band: "low", MeasuredMS: 20_000}, 8, "size = 3 is enough"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, ok := adviseSize(&tt.in, tt.cores)
			if ok != (tt.want != "") || !strings.Contains(r.Do, tt.want) {
				t.Errorf("adviseSize = %+v, %v, want %q", r, ok, tt.want)
			}
			if ok && !strings.Contains(r.Measured, "slots busy") {
				t.Errorf("the measurement is missing: %+v", r)
			}
		})
	}
}

func TestAdviceOnMemory(t *testing.T) {
	leak := inspection{Address: "pool.api", WorkerBytes: 40 << 20, LargestBytes: 200 << 20}
	if got := advise(&leak, 2); len(got) != 1 || !strings.Contains(got[0].Measured, "200.0MiB") {
		t.Errorf("advise = %+v, want a leak", got)
	}
	if got := advise(&inspection{WorkerBytes: 90 << 20, LargestBytes: 100 << 20}, 2); len(got) != 0 {
		t.Errorf("advise = %+v, want nothing", got)
	}
}
