package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// historyAddresses bounds the addresses that a line of the history names.
const historyAddresses = 3

// renderHistory returns the history as a table, newest first.
func renderHistory(heads []pool.RevisionHead) string {
	if len(heads) == 0 {
		return "Nothing was applied yet.\n"
	}
	rows := [][]string{{"REVISION", "STATUS", "AT", "BY", "CHANGED", "GIT", "NOTE"}}
	for i := range heads {
		h := &heads[i]
		note, _, _ := strings.Cut(h.Message, "\n")
		rows = append(rows, cells(h.Number, string(h.Status), h.At.Local().Format(time.DateTime), h.By, changedWords(h.Touched), or(h.Git.String(), "-"), or(printable(note), "-")))
	}
	return table(rows)
}

// changedWords names the addresses of a revision, or some of them.
func changedWords(addresses []string) string {
	switch n := len(addresses); {
	case n == 0:
		return "-"
	case n > historyAddresses:
		return strings.Join(addresses[:historyAddresses], ", ") + fmt.Sprintf(" and %d more", n-historyAddresses)
	}
	return strings.Join(addresses, ", ")
}

// renderRevision returns one revision: who applied what, and how it differed from the
// one before, which is nil when that is not kept.
func renderRevision(rev, before *pool.Revision, o viewOptions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Revision %d, %s, applied by %s at %s\n", rev.Number, rev.Status, printable(rev.By), rev.At.Local().Format(time.DateTime))
	if rev.Git != nil {
		fmt.Fprintf(&b, "git commit %s\n", rev.Git)
	}
	if rev.Message != "" {
		b.WriteString(indent(rev.Message, "    "))
	}
	observed := pool.Observed{WorkersObserved: true, Pools: map[string]pool.ObservedPool{}}
	if before != nil {
		observed.Revision, observed.Accepted = before.Number, &before.Desired
		o.Header = fmt.Sprintf("What it changed in revision %d:", before.Number)
	} else {
		o.Header = "What it has (the revision before it is not kept):"
		if rev.Number == 1 {
			o.Header = "What it has:"
		}
	}
	plan := planner.Decide(rev.Desired, observed, planner.Options{})
	if plan.Empty() {
		fmt.Fprintf(&b, "\nIt changed nothing in the configuration: what it touched was %s.\n", changedWords(rev.Touched))
		return b.String()
	}
	b.WriteString("\n" + renderPlan(plan, o))
	return b.String()
}
