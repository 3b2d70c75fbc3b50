package planner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// Within returns what actual does at the addresses of the approved plan. What came up
// elsewhere since the approval is left for the next plan.
func Within(actual, approved Plan) Plan {
	listed := map[string]bool{}
	for _, c := range approved.Changes {
		listed[c.Address] = true
	}
	actual.Changes = slices.DeleteFunc(slices.Clone(actual.Changes), func(c Change) bool { return !listed[c.Address] })
	actual.Summary, actual.Workers = Summary{}, WorkerDelta{}
	actual.total()
	return actual
}

// ChangedSince returns, one sentence each, which addresses of a plan others have
// changed since its base revision. The revisions are those after it, in any order.
func ChangedSince(plan Plan, later []pool.RevisionHead) []string {
	newest := map[string]pool.RevisionHead{}
	for _, rev := range later {
		for _, address := range rev.Touched {
			if rev.Number > max(plan.BaseRevision, newest[address].Number) {
				newest[address] = rev
			}
		}
	}
	var out []string
	for _, c := range plan.Changes {
		rev, changed := newest[c.Address]
		if former, also := newest[c.From]; also && former.Number > rev.Number {
			rev, changed = former, true
		}
		if changed {
			out = append(out, fmt.Sprintf("%s was changed by %s", c.Address, Applied(rev)))
		}
	}
	return out
}

// Applied says who applied a revision, and when.
func Applied(rev pool.RevisionHead) string {
	text := fmt.Sprintf("%s in revision %d at %s", rev.By, rev.Number, rev.At.UTC().Format(time.RFC3339))
	if message, _, _ := strings.Cut(rev.Message, "\n"); message != "" {
		text += fmt.Sprintf(" (%q)", message)
	}
	return text
}
