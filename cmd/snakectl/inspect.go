package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// sampleEvery is how often an inspection looks at the pools.
const sampleEvery = 50 * time.Millisecond

// inspection is one pool as it was measured; `snakectl inspect --json` prints it.
type inspection struct {
	Address string `json:"address"`
	Profile string `json:"profile"`
	Size    int    `json:"size"`
	Ready   int    `json:"ready"`
	// Capacity counts the slots of ready workers, Load those that execute a call and
	// Available those that wait for one, all at the end of the measurement.
	Capacity  int `json:"capacity"`
	Load      int `json:"load"`
	Available int `json:"available"`
	Queued    int `json:"queued"`
	// Utilization is the share of the capacity that executed calls, and MeanQueued how
	// many calls waited, on average over the measurement.
	Utilization float64 `json:"utilization"`
	MeanQueued  float64 `json:"mean_queued"`
	// Band names the utilization: idle, low, good, high or full.
	Band string `json:"band"`
	// MeasuredMS and Samples say how long and how often the pool was looked at.
	MeasuredMS int64 `json:"measured_ms"`
	Samples    int   `json:"samples"`
	// During counts the calls that ended meanwhile, Calls all of them.
	During pool.CallCounts `json:"during"`
	Calls  pool.CallCounts `json:"calls"`
	// Breaker is set where breaker.failures is.
	Breaker *pool.BreakerStatus `json:"breaker,omitempty"`
	// MemoryBytes is what all workers hold, WorkerBytes the median and LargestBytes
	// the largest of one.
	MemoryBytes  int64 `json:"memory_bytes"`
	WorkerBytes  int64 `json:"worker_bytes"`
	LargestBytes int64 `json:"largest_bytes"`
	Restarts     int   `json:"restarts"`
	Recycles     int   `json:"recycles"`
	// Quarantined counts places that are not filled again.
	Quarantined int                 `json:"quarantined"`
	Workers     []inspectedWorker   `json:"workers,omitempty"`
	Advice      []recommendation    `json:"advice,omitempty"`
	policy      pool.Pool           // as it was accepted
	status      []pool.WorkerStatus // at the end
}

// inspectedWorker is one worker and how near it is to being recycled.
type inspectedWorker struct {
	pool.WorkerStatus
	// Due says which limit of lifecycle is how near: "960 of 1000 calls".
	Due string `json:"due,omitempty"`
}

// measure looks at the pools for the length of window.
func measure(ctx context.Context, c *client.Client, addrs []string, window time.Duration) ([]inspection, error) {
	observed, err := c.Observed(ctx)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	first, err := c.Status(ctx, addrs...)
	if err != nil {
		return nil, err
	}
	sums := map[string]*sum{}
	last, tick := first, time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		for i := range last.Pools {
			p := &last.Pools[i]
			if sums[p.Address] == nil {
				sums[p.Address] = &sum{}
			}
			sums[p.Address].add(p)
		}
		if time.Since(begun) >= window {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if last, err = c.Status(ctx, addrs...); err != nil {
			return nil, err
		}
	}
	var out []inspection
	for i := range last.Pools {
		p := &last.Pools[i]
		s := sums[p.Address]
		s.took = time.Since(begun)
		out = append(out, inspect(p, s, callsAt(first, p.Address), observed.Accepted.Pool(p.Address), time.Now()))
	}
	return out, nil
}

// sum adds up what samples of one pool showed.
type sum struct {
	samples                int
	busy, capacity, queued int
	took                   time.Duration
}

func (s *sum) add(p *pool.PoolStatus) {
	s.samples++
	s.busy, s.capacity, s.queued = s.busy+p.Busy, s.capacity+capacityOf(p), s.queued+p.Queued
}

func capacityOf(p *pool.PoolStatus) int {
	slots := 0
	for i := range p.Workers {
		if w := &p.Workers[i]; w.State == pool.WorkerReady || w.State == pool.WorkerBusy {
			slots += w.Slots
		}
	}
	return slots
}

func callsAt(s *pool.Status, addr string) pool.CallCounts {
	for i := range s.Pools {
		if s.Pools[i].Address == addr {
			return s.Pools[i].Calls
		}
	}
	return pool.CallCounts{} // it is new
}

// inspect joins the last status of a pool with what its samples showed. It reads
// no clock: now is when the last sample was taken.
func inspect(p *pool.PoolStatus, s *sum, before pool.CallCounts, accepted *pool.Pool, now time.Time) inspection {
	in := inspection{
		Address: p.Address, Profile: p.Profile, Size: p.Size, Ready: p.Ready, Capacity: capacityOf(p), Load: p.Busy, Available: p.Available,
		Queued: p.Queued, MeasuredMS: s.took.Milliseconds(), Samples: s.samples, During: minus(p.Calls, before), Calls: p.Calls,
		Restarts: p.Restarts, Recycles: p.Recycles, Breaker: p.Breaker, status: p.Workers,
	}
	if accepted != nil {
		in.policy = *accepted
	}
	if s.capacity > 0 {
		in.Utilization = float64(s.busy) / float64(s.capacity)
	}
	in.MeanQueued = float64(s.queued) / float64(max(1, s.samples))
	in.Band = bandOf(in.Utilization)
	var sizes []int64
	for _, w := range p.Workers {
		if w.State == pool.WorkerQuarantined {
			in.Quarantined++
		}
		if w.RSSBytes > 0 {
			sizes = append(sizes, w.RSSBytes)
			in.MemoryBytes += w.RSSBytes
		}
		in.Workers = append(in.Workers, inspectedWorker{WorkerStatus: w, Due: dueOf(w, in.policy, now)})
	}
	if len(sizes) > 0 {
		slices.Sort(sizes)
		in.WorkerBytes, in.LargestBytes = sizes[len(sizes)/2], sizes[len(sizes)-1]
	}
	return in
}

func minus(a, b pool.CallCounts) pool.CallCounts {
	return pool.CallCounts{
		OK: a.OK - b.OK, Failed: a.Failed - b.Failed, Timeout: a.Timeout - b.Timeout, Rejected: a.Rejected - b.Rejected,
		QueueTimeout: a.QueueTimeout - b.QueueTimeout, Cancelled: a.Cancelled - b.Cancelled, Retried: a.Retried - b.Retried,
	}
}

// bandOf names a utilization.
func bandOf(share float64) string {
	switch {
	case share < 0.05:
		return "idle"
	case share < 0.3:
		return "low"
	case share < 0.7:
		return "good"
	case share < 0.9:
		return "high"
	}
	return "full"
}

// dueOf says how near a worker is to the limits of its lifecycle, "" without any.
func dueOf(w pool.WorkerStatus, p pool.Pool, now time.Time) string {
	limits, due := p.Lifecycle, ""
	if limits.MaxRequests > 0 {
		due = fmt.Sprintf("%d of %d calls", w.Calls, limits.MaxRequests)
	}
	if limits.TTL > 0 && w.StartedAt != nil {
		if due != "" {
			due += ", "
		}
		due += fmt.Sprintf("%s of %s", age(*w.StartedAt, now), limits.TTL)
	}
	return due
}
