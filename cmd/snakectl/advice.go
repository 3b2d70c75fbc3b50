package main

import (
	"fmt"
	"math"

	"github.com/snakectl/snakectl/internal/pool"
)

// recommendation is something to do about a pool, with the measurement behind it.
type recommendation struct {
	// Do says what, with the words to type or to write.
	Do string `json:"do"`
	// Measured says what was seen.
	Measured string `json:"measured"`
}

const (
	// goodLoad is the utilization that a recommended size aims at.
	goodLoad = 0.7
	// shrinkAfter is how long a pool must have been looked at before less is advised.
	shrinkAfterMS = 10_000
	// grownFactor and grownBytes tell a worker that has grown from its fellows.
	grownFactor = 2
	grownBytes  = 64 << 20
)

// advise returns what the measurement of a pool suggests, most urgent first.
func advise(in *inspection, cores int) []recommendation {
	var out []recommendation
	add := func(do, measured string) { out = append(out, recommendation{do, measured}) }
	if in.Quarantined > 0 {
		add(fmt.Sprintf("find out why with \"snakectl events --filter worker.quarantined --filter pool=%s\", mend it, then \"snakectl apply\"", in.Address),
			fmt.Sprintf("%d of %d places are quarantined", in.Quarantined, in.Size))
	}
	if in.Restarts > 0 {
		add(fmt.Sprintf("see how they died with \"snakectl events --filter worker.crashed --filter pool=%s\"", in.Address),
			fmt.Sprintf("%d workers died since the supervisor started", in.Restarts))
	}
	if r, ok := adviseSize(in, cores); ok {
		out = append(out, r)
	}
	if in.LargestBytes > grownBytes && in.LargestBytes > grownFactor*in.WorkerBytes {
		add(fmt.Sprintf("look for a leak; \"snakectl recycle %s\" gives the memory back", in.Address),
			fmt.Sprintf("the largest worker holds %s, the median one %s", bytesText(in.LargestBytes), bytesText(in.WorkerBytes)))
	}
	if n := nearlySpent(in); n > 0 {
		add("nothing: their replacements are made ready first; raise lifecycle.max_requests if it happens too often",
			fmt.Sprintf("%d workers have taken more than 90 %% of their %d calls", n, in.policy.Lifecycle.MaxRequests))
	}
	return out
}

// adviseSize suggests another size where the load asks for one.
func adviseSize(in *inspection, cores int) (recommendation, bool) {
	turnedAway := in.During.Rejected + in.During.QueueTimeout
	demand := in.Utilization*float64(in.Capacity) + in.MeanQueued
	want := int(math.Ceil(demand / goodLoad))
	measured := fmt.Sprintf("%.0f %% of %d slots busy, %.1f calls waiting, %d turned away, over %.1f s on %d cores",
		in.Utilization*100, in.Capacity, in.MeanQueued, turnedAway, float64(in.MeasuredMS)/1000, cores)
	switch {
	case (in.Band == "full" || in.Band == "high" || turnedAway > 0) && want > in.Size:
		do := fmt.Sprintf("try size = %d", want)
		if want > cores && in.Size >= cores {
			do += "; that helps calls that wait for something, not calls that compute: there are fewer cores"
		}
		return recommendation{do, measured}, true
	case (in.Band == "idle" || in.Band == "low") && in.Size > 1 && max(1, want) < in.Size && in.MeasuredMS >= shrinkAfterMS:
		return recommendation{fmt.Sprintf("size = %d is enough for this load", max(1, want)), measured}, true
	}
	return recommendation{}, false
}

func nearlySpent(in *inspection) int {
	limit := in.policy.Lifecycle.MaxRequests
	n := 0
	for _, w := range in.status {
		if limit > 0 && w.State != pool.WorkerQuarantined && w.Calls*10 > uint64(limit)*9 {
			n++
		}
	}
	return n
}
