package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/planner"
)

// markdownLimit bounds the details of a plan as markdown: a comment on a pull request
// holds 65,536 characters.
const markdownLimit = 50_000

// markdownRows bounds the table of changes; the details list them all.
const markdownRows = 100

// renderMarkdown returns a plan as a comment on a pull request: what happens in one
// line, a table of the addresses, and the full text folded away.
func renderMarkdown(p planner.Plan, header, message string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	summary := markdownSummary(&p)
	line("### snakectl plan: %s", summary)
	line("")
	if message != "" {
		line("> %s", markdownCell(message))
		line("")
	}
	if p.Git != nil {
		line("Commit `%s`, compared with revision %d.", markdownCode(p.Git.String()), p.BaseRevision)
	} else {
		line("Compared with revision %d.", p.BaseRevision)
	}
	if !p.WorkersObserved {
		line("**No supervisor was running:** workers were not observed.")
	}
	if p.Options.Partial() {
		line("**This is a partial plan:** %s.", markdownCell(partialWords(&p.Options)))
	}
	for _, d := range p.Drift {
		line("- drift: `%s` %s", markdownCode(d.Address), markdownCell(d.Detail))
	}
	if p.Empty() {
		return b.String()
	}
	line("")
	line("| | address | what happens |")
	line("|---|---|---|")
	for _, c := range p.Changes[:min(len(p.Changes), markdownRows)] {
		symbol, _ := symbolOf(c.Action)
		what := markdownCell(words(c))
		if disruptive(c) {
			what = "**" + what + "**"
		}
		line("| `%s` | `%s` | %s |", symbol, markdownCode(c.Address), what)
	}
	if n := len(p.Changes) - markdownRows; n > 0 {
		line("| | | and %d more |", n)
	}
	line("")
	line("<details><summary>Details</summary>")
	line("")
	text := []rune(renderPlan(p, viewOptions{Header: header, Width: 1}))
	if len(text) > markdownLimit {
		text = append(text[:markdownLimit], []rune("\n… cut; \"snakectl show\" prints all of it\n")...)
	}
	fence := fenceFor(string(text))
	line("%stext\n%s%s", fence, string(text), fence)
	line("")
	line("</details>")
	return b.String()
}

func markdownSummary(p *planner.Plan) string {
	if p.Empty() {
		return "no changes"
	}
	s := p.Summary
	var parts []string
	for _, each := range []struct {
		n    int
		word string
	}{
		{s.Create, "create"},
		{s.Update, "update"},
		{s.Resize, "resize"},
		{s.Roll, "roll"},
		{s.Recreate, "recreate"},
		{s.Repair, "repair"},
		{s.Move, "move"},
		{s.Destroy, "destroy"},
	} {
		if each.n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", each.n, each.word))
		}
	}
	return strings.Join(parts, ", ")
}

// disruptive reports whether a change takes workers away.
func disruptive(c planner.Change) bool {
	return slices.Contains([]planner.Action{planner.ActionDestroy, planner.ActionRecreate}, c.Action) || c.Workers.Drain > 0
}

// markdownCell returns text that stays in its cell and is not read as markup.
func markdownCell(text string) string {
	escape := strings.NewReplacer(`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "@", "@\u200b", "#", "\\#")
	return escape.Replace(printable(text))
}

// markdownCode returns text that stays inside a code span in a table.
func markdownCode(text string) string {
	return strings.NewReplacer("`", "'", "|", `\|`).Replace(printable(text))
}

// fenceFor returns a fence that is longer than any run of backticks in the text.
func fenceFor(text string) string {
	longest, run := 2, 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return strings.Repeat("`", longest+1)
}
