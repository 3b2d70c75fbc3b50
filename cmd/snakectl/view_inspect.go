package main

import (
	"fmt"
	"strings"
	"time"
)

// renderInspection returns what was measured of each pool, with its workers where
// detailed.
func renderInspection(all []inspection, detailed, advice bool, now time.Time) string {
	var b strings.Builder
	for i := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		renderPool(&b, &all[i], detailed, advice, now)
	}
	if len(all) == 0 {
		b.WriteString("No pools. Declare one in pools.hcl and run: snakectl apply\n")
	}
	return b.String()
}

func renderPool(b *strings.Builder, in *inspection, detailed, advice bool, now time.Time) {
	seconds := float64(in.MeasuredMS) / 1000
	fmt.Fprintf(b, "%s  %s profile, %d of %d workers ready\n", in.Address, in.Profile, in.Ready, in.Size)
	fmt.Fprintf(b, "  capacity     %s: %d busy, %d available, %s waiting\n", count(in.Capacity, "slot"), in.Load, in.Available, count(in.Queued, "call"))
	fmt.Fprintf(b, "  utilization  %.0f %% (%s), measured for %.1f s in %s\n", in.Utilization*100, in.Band, seconds, count(in.Samples, "sample"))
	fmt.Fprintf(b, "  calls        %d ok, %d failed, %d timed out, %d turned away meanwhile (%.1f ok a second)\n", in.During.OK, in.During.Failed,
		in.During.Timeout, in.During.Rejected+in.During.QueueTimeout, float64(in.During.OK)/max(seconds, 0.001))
	if in.During.Retried > 0 {
		fmt.Fprintf(b, "  retried      %d executions beyond the first of their call meanwhile\n", in.During.Retried)
	}
	if in.Breaker != nil {
		fmt.Fprintf(b, "  breaker      %s, %d failures in a row\n", in.Breaker.State, in.Breaker.Failures)
	}
	fmt.Fprintf(b, "  memory       %s, %s a worker, the largest %s\n", bytesText(in.MemoryBytes), bytesText(in.WorkerBytes), bytesText(in.LargestBytes))
	fmt.Fprintf(b, "  life         %s, %d recycled, %s in quarantine\n", count(in.Restarts, "restart"), in.Recycles, count(in.Quarantined, "place"))
	if detailed && len(in.Workers) > 0 {
		rows := [][]string{{"WORKER", "STATE", "START", "CALLS", "MEMORY", "RECYCLED AFTER"}}
		for _, w := range in.Workers {
			rows = append(rows, cells(w.Address, w.State, w.Start, w.Calls, bytesText(w.RSSBytes), w.Due))
		}
		b.WriteString("\n" + table(rows))
		if deaths := deathTable(in.status, now); deaths != "" {
			b.WriteString("\n" + deaths)
		}
	}
	if advice {
		b.WriteByte('\n')
		if len(in.Advice) == 0 {
			b.WriteString("  Nothing to advise.\n")
		}
		for _, r := range in.Advice {
			fmt.Fprintf(b, "  * %s\n    because %s\n", r.Do, r.Measured)
		}
	}
}
