package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// progressLines returns how far the calls have come that told so, one a line, with an
// empty line in front; empty when none did.
func progressLines(workers []pool.WorkerStatus) string {
	var b strings.Builder
	for i := range workers {
		for _, p := range workers[i].Progress {
			if b.Len() == 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "%s: %s %s\n", workers[i].Address, p.Command, progressText(p))
		}
	}
	return b.String()
}

// progressText returns "30 of 200 (15%), reading", without what is not known.
func progressText(p pool.CallProgress) string {
	text := figure(p.Done)
	if p.Total > 0 {
		text += fmt.Sprintf(" of %s (%.0f%%)", figure(p.Total), 100*p.Done/p.Total)
	}
	if p.Note != "" {
		text += ", " + strings.Join(strings.Fields(p.Note), " ")
	}
	return text
}

func figure(n float64) string { return strconv.FormatFloat(n, 'g', 10, 64) }
