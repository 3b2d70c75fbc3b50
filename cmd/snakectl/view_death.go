package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// renderDeath returns what a death tells beyond the sentence that names it: the
// stack, the last words, and what the worker had used. A nil death tells nothing.
func renderDeath(d *pool.Death) string {
	if d == nil {
		return ""
	}
	var b strings.Builder
	if d.Stack != "" {
		b.WriteString("its stack:\n" + indent(d.Stack, "  "))
	}
	if d.Stderr != "" {
		b.WriteString("its last output:\n" + indent(d.Stderr, "  "))
	}
	facts := []string{"it lived " + roundedUS(d.LifetimeUS)}
	if used := d.UserUS + d.SystemUS; used > 0 {
		facts = append(facts, fmt.Sprintf("used %s of processor time", roundedUS(used)))
	}
	if d.PeakRSSBytes > 0 {
		facts = append(facts, fmt.Sprintf("held at most %s of memory", pool.Size(d.PeakRSSBytes).Short()))
	}
	if d.CoreDumped {
		facts = append(facts, "left a core file")
	}
	if d.Call != nil && d.Call.Command != "" {
		facts = append(facts, fmt.Sprintf("had executed %s for %s", d.Call.Command, roundedUS(d.Call.RanUS)))
	}
	b.WriteString(strings.Join(facts, ", ") + "\n")
	return b.String()
}

// deathTable returns the last death of each place, "" without any.
func deathTable(workers []pool.WorkerStatus, now time.Time) string {
	rows := [][]string{{"LAST DEATH", "AGO", "CLASS", "LIVED", "MEMORY", "DURING", "HOW"}}
	for i := range workers {
		d := workers[i].LastDeath
		if d == nil {
			continue
		}
		during := "-"
		if d.Call != nil {
			during = or(d.Call.Command, "a call")
		}
		rows = append(rows, cells(d.Worker, age(d.At, now), d.Class, roundedUS(d.LifetimeUS), bytesText(d.PeakRSSBytes), during, firstLine(d.Text)))
	}
	if len(rows) == 1 {
		return ""
	}
	return table(rows)
}

// roundedUS returns a number of microseconds as a duration of at most three
// digits or so: 1.2s, 37ms.
func roundedUS(us int64) string {
	d := time.Duration(us) * time.Microsecond
	switch {
	case d >= time.Minute:
		return pool.Duration(d.Round(time.Second)).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.String()
}
