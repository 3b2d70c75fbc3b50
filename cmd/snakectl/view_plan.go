package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// viewOptions say how a view is written; the zero value is plain text.
type viewOptions struct {
	Color bool
	// Verbose shows long values and file lists in full, Compact one line for each
	// address.
	Verbose bool
	Compact bool
	// Header says what was read and what it is compared with. Usually one line.
	Header string
	// Width is the terminal's width in columns; 0 when unknown.
	Width int
}

const (
	// headColumn is where the words of an address's line begin, on a terminal that
	// is wide enough.
	headColumn   = 57
	wideTerminal = 100
	// screen is how many lines of changes may stand above the summary before the
	// destructive ones are repeated next to it.
	screen = 22
	// fileLimit bounds the code files that are named without Verbose.
	fileLimit = 10
)

// renderPlan returns the text of a plan. It reads nothing but its arguments, so
// a saved plan and a fresh one look alike.
func renderPlan(p planner.Plan, o viewOptions) string {
	v := planView{plan: p, opts: o, column: headColumn}
	if o.Width > 0 && o.Width < wideTerminal {
		v.column = 0
		for _, c := range p.Changes {
			v.column = max(v.column, len(c.Address)+6)
		}
	}
	if o.Header != "" {
		v.line("%s", o.Header)
		v.line("")
	}
	v.drift()
	if p.Empty() {
		v.warnings()
		v.unchanged()
		return v.text.String()
	}
	body := v.changes()
	v.renames()
	v.warnings()
	if body > screen {
		v.recap()
	}
	v.summary()
	return v.text.String()
}

// unchanged is the full answer of a plan without changes.
func (v *planView) unchanged() {
	p := &v.plan
	switch {
	case p.Options.RefreshOnly:
		v.line("No changes. No size was set by hand since revision %d.", p.BaseRevision)
	case p.Options.Partial():
		v.line("No changes in this partial plan (%s). The rest was not compared with revision %d.", partialWords(&p.Options), p.BaseRevision)
	default:
		v.line("No changes. %s, %s match revision %d.", count(p.Pools, "pool"), count(p.PoolWorkers, "worker"), p.BaseRevision)
	}
}

// partialWords says what a partial plan is about.
func partialWords(o *planner.Options) string {
	var parts []string
	if len(o.Targets) > 0 {
		parts = append(parts, "only "+strings.Join(o.Targets, ", "))
	}
	if len(o.Exclude) > 0 {
		parts = append(parts, "without "+strings.Join(o.Exclude, ", "))
	}
	return strings.Join(parts, ", ")
}

// planView is a plan on its way to text.
type planView struct {
	plan   planner.Plan
	opts   viewOptions
	column int
	text   strings.Builder
	lines  int
}

func (v *planView) line(format string, args ...any) {
	v.text.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
	v.lines++
}

func (v *planView) drift() {
	if len(v.plan.Drift) == 0 {
		return
	}
	width := 0
	for _, d := range v.plan.Drift {
		width = max(width, len(d.Address))
	}
	v.line("Drift since revision %d:", v.plan.BaseRevision)
	for _, d := range v.plan.Drift {
		words := printable(d.Detail)
		if d.Kind == planner.ReasonQuarantinedPlace {
			words = "quarantined  " + words
		}
		v.line("  %-*s    %s", width, d.Address, words)
	}
	v.line("")
}

// changes writes every change and returns how many lines that took.
func (v *planView) changes() int {
	before := v.lines
	for _, c := range v.plan.Changes {
		v.head(c)
		if v.opts.Compact {
			continue
		}
		v.attributes(c)
		v.files(c)
		v.hidden(c)
		v.threads(c)
		v.receives(c)
		v.rollout(c)
		if c.Refused != "" {
			v.line("        %s: %s", v.paint(red, "refused"), c.Refused)
		}
		v.line("")
	}
	if v.opts.Compact {
		v.line("")
	}
	return v.lines - before
}

func (v *planView) head(c planner.Change) {
	symbol, color := symbolOf(c.Action)
	gap := strings.Repeat(" ", max(3, v.column-4-len(c.Address)))
	v.line("%s%s %s%s%s", strings.Repeat(" ", 3-len(symbol)), v.paint(color, symbol), c.Address, gap, words(c))
}

// files names the code files that differ.
func (v *planView) files(c planner.Change) {
	files := c.Files
	if !v.opts.Verbose && len(files) > fileLimit {
		files = files[:fileLimit]
	}
	for _, f := range files {
		symbol := map[string]string{"added": "+", "removed": "-"}[f.Change]
		v.line("      %s code  %s (%s)   # forces %s", v.mark(cmp.Or(symbol, "~")), printable(f.Path), f.Change, c.Action)
	}
	if n := len(c.Files) - len(files); n > 0 {
		v.line("        # (%s more, --verbose names them)", count(n, "code file"))
	}
}

func (v *planView) hidden(c planner.Change) {
	switch {
	case c.Action == planner.ActionCreate && c.Defaults > 0:
		v.line("        # (%s hidden)", count(c.Defaults, "default"))
	case len(c.Attributes)+len(c.Files) > 0 && c.Unchanged > 0:
		v.line("        # (%s hidden)", count(c.Unchanged, "unchanged attribute"))
	}
}

// threads says what threads are good for where the Python has a GIL.
func (v *planView) threads(c planner.Change) {
	if c.TakesTurns {
		v.line("        threads wait at one time and compute one after the other: its Python has a GIL (concurrency without parallelism)")
	}
}

// rollout says what a replacement costs while it runs.
func (v *planView) rollout(c planner.Change) {
	if c.Workers.Replace == 0 {
		return
	}
	size := min(c.OldSize, c.Size)
	switch c.Action {
	case planner.ActionRecreate:
		v.line("        %s: every old worker stops before the first new one starts; %d of %d serve meanwhile",
			v.paint(red, "downtime"), c.Capacity, size)
	case planner.ActionRoll:
		if c.Update == nil {
			v.line("        each new worker is ready before the old one goes")
			return
		}
		v.line("        capacity during rollout: at least %d of %d; %s", c.Capacity, size, onFailure(c.Update))
	default:
	}
}

// renames points at a create and a destroy that would run the same thing.
func (v *planView) renames() {
	for _, gone := range v.plan.Changes {
		for _, made := range v.plan.Changes {
			if gone.Action == planner.ActionDestroy && made.Action == planner.ActionCreate &&
				gone.OldLaunchHash != "" && gone.OldLaunchHash == made.LaunchHash {
				v.line("Did you rename it? Add: moved { from = %s  to = %s }", gone.Address, made.Address)
				v.line("")
			}
		}
	}
}

// recap repeats what takes workers away when it may have scrolled out of sight.
func (v *planView) recap() {
	destructive := slices.DeleteFunc(slices.Clone(v.plan.Changes), func(c planner.Change) bool {
		return c.Action != planner.ActionDestroy && c.Action != planner.ActionRecreate && c.Workers.Drain == 0
	})
	if len(destructive) == 0 {
		return
	}
	v.line("Takes workers away:")
	for _, c := range destructive {
		v.head(c)
	}
	v.line("")
}

func (v *planView) summary() {
	s, w := v.plan.Summary, v.plan.Workers
	if v.plan.Options.Partial() {
		v.line("This is a partial plan: %s.", partialWords(&v.plan.Options))
	}
	v.line("Plan: %d to create, %d to update, %d to roll, %d to destroy.",
		s.Create, s.Update+s.Resize+s.Repair+s.Move, s.Roll+s.Recreate, s.Destroy)
	rest := ""
	if w.Replace == 0 && w.Keep > 0 {
		rest = " No running worker is restarted."
	}
	v.line("Workers: %d to start, %d to replace, %d to stop.%s", w.Start, w.Replace, w.Drain+w.Stop, rest)
}

// words says in words what happens to the workers of an address.
func words(c planner.Change) string {
	var parts []string
	say := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if c.Environment != nil {
		return environmentWords(c)
	}
	if c.From != "" {
		say("moved from %s", c.From)
	}
	start := c.Workers.Start - len(c.Places)
	switch c.Action {
	case planner.ActionRoll:
		if c.Update == nil { // nothing differs: they are only to be new
			say("replace %s", count(c.Workers.Replace, "worker"))
			break
		}
		say("roll %s", count(c.Workers.Replace, "worker"))
		if c.Workers.Replace > 1 && c.Update != nil {
			say("%d at a time", min(c.Workers.Replace, c.Update.Batch(c.Size)))
		}
		if c.Update != nil && c.Update.Canaries(c.Size) > 0 {
			say("canary %d", c.Update.Canaries(c.Size))
		}
	case planner.ActionRecreate:
		say("recreate %s", count(c.Workers.Replace, "worker"))
		say("all at once: downtime")
	case planner.ActionDestroy:
		return "drain and stop " + count(c.Workers.Drain+c.Workers.Stop, "worker") + because(c.Reasons, len(c.Replaced) > 0)
	case planner.ActionCreate:
		return "start " + count(c.Workers.Start, "worker")
	case planner.ActionUpdate:
		if acceptsOverride(c) {
			return "keep the size that was set by hand"
		}
		say("update in place")
	case planner.ActionMove:
		say("%s untouched", count(c.Workers.Keep, "worker"))
	default:
	}
	if len(c.Places) > 0 {
		say("repair %s", count(len(c.Places), "worker"))
	}
	if c.Size != c.OldSize {
		say("resize %d -> %d", c.OldSize, c.Size)
	}
	if start > 0 {
		say("start %s", count(start, "worker"))
	}
	if c.Workers.Drain > 0 {
		say("drain %s", count(c.Workers.Drain, "worker"))
	}
	return strings.Join(parts, ", ") + because(c.Reasons, len(c.Replaced) > 0)
}

// acceptsOverride reports whether a change takes a size that was set by hand into the
// accepted spec.
func acceptsOverride(c planner.Change) bool {
	return slices.Contains(c.Reasons, planner.ReasonOverridePresent) && c.Size == c.OldSize
}

// because says the reasons that the attributes below do not already tell.
func because(reasons []planner.Reason, asked bool) string {
	var told []string
	for _, r := range reasons {
		switch r {
		case planner.ReasonOverridePresent:
			told = append(told, "undoes the override")
		case planner.ReasonRuntimeChanged:
			told = append(told, "its Python changed")
		case planner.ReasonCodeChanged:
			told = append(told, "its code changed")
		case planner.ReasonOtherLaunchHash:
			told = append(told, "started from another configuration")
		case planner.ReasonNotInConfig:
			told = append(told, "not in the configuration")
		case planner.ReasonNotCarriedOut:
			told = append(told, "an apply ended before it came here")
		case planner.ReasonByRequest:
			if asked {
				told = append(told, "as asked")
			}
		case planner.ReasonAttrChanged, planner.ReasonQuarantinedPlace, planner.ReasonMoved:
		}
	}
	if len(told) == 0 {
		return ""
	}
	return "   (" + strings.Join(told, ", ") + ")"
}

// ANSI colours by what they mean here.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func symbolOf(a planner.Action) (symbol, color string) {
	switch a {
	case planner.ActionMove:
		return ">", cyan
	case planner.ActionCreate:
		return "+", green
	case planner.ActionRoll:
		return "+/-", yellow
	case planner.ActionRecreate:
		return "-/+", red
	case planner.ActionRepair:
		return "!", cyan
	case planner.ActionDestroy:
		return "-", red
	default:
		return "~", yellow
	}
}

// mark colours the symbol of an attribute's line.
func (v *planView) mark(symbol string) string {
	return v.paint(map[string]string{"+": green, "-": red, "~": yellow}[symbol], symbol)
}

func (v *planView) paint(color, text string) string {
	if !v.opts.Color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// printable replaces what could move a terminal's cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// onFailure says what becomes of a roll that fails.
func onFailure(u *pool.Update) string {
	if u != nil && u.AutoRevert {
		return "reverts to the newest stable revision on failure"
	}
	return "stops at the first failure, old workers go on serving"
}
