package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/library"
	"github.com/snakectl/snakectl/internal/pool"
)

// useWords are the uses as they are written for people.
var useWords = map[library.Use]string{library.Threads: "threads", library.FreeThreaded: "free-threaded", library.Fork: "fork"}

// layerWords are the layers as they are written for people.
var layerWords = map[library.Layer]string{
	library.FromCode: "code", library.FromLock: "lock", library.FromInstalled: "installed", library.FromProbe: "probe", library.FromNote: "note",
}

// renderCompat returns how libraries fit pools: a table for each pool, then each verdict
// with its evidence.
func renderCompat(all []kinship) string {
	var b strings.Builder
	for i := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		renderKinship(&b, &all[i])
	}
	return b.String()
}

func renderKinship(b *strings.Builder, k *kinship) {
	lock := "with a GIL"
	if k.FreeThreaded {
		lock = "free-threaded"
	}
	fmt.Fprintf(b, "%s  %s profile, Python %s (%s), start_method %s\n", k.Address, k.Profile, k.Python, lock, k.StartMethod)
	if !k.Installed && k.Runtime != "" {
		fmt.Fprintf(b, "  The environment of %s is not built: what follows is of names alone. \"snakectl setup\" builds it.\n", k.Runtime)
	}
	if k.FreeThreaded && k.GIL != "" {
		fmt.Fprintf(b, "  Its workers run with the GIL %s.", k.GIL)
		if k.GIL == pool.GILOn {
			b.WriteString(" " + k.Message)
		}
		b.WriteByte('\n')
	}
	if len(k.Findings) > 0 {
		b.WriteString("\n" + indent(table(verdictRows(k)), "  ") + "\n")
		for _, f := range k.Findings {
			b.WriteString(indent(findingText(f), "  "))
		}
	}
	if n := len(k.Unknown); n > 0 {
		fmt.Fprintf(b, "  Nothing is known of %s.\n", strings.Join(clipped(k.Unknown), ", "))
	} else if len(k.Findings) == 0 {
		b.WriteString("  It uses no library that there is something to say about.\n")
	}
}

// clipped returns the first names, and how many more there are.
func clipped(names []string) []string {
	const most = 12
	if len(names) <= most {
		return names
	}
	return append(slices.Clone(names[:most]), fmt.Sprintf("%d more", len(names)-most))
}

// verdictRows is the table of the verdicts. What the pool does is in capitals where the
// library does not fit it.
func verdictRows(k *kinship) [][]string {
	head := []string{"LIBRARY", "VERSION"}
	for _, use := range library.Uses {
		head = append(head, strings.ToUpper(useWords[use]))
	}
	rows := [][]string{head}
	for _, f := range k.Findings {
		last := rows[len(rows)-1]
		if last[0] != f.Library {
			last = append(cells(f.Library, f.Version), "-", "-", "-")
			if f.Version == "" {
				last[1] = "-"
			}
			rows = append(rows, last)
		}
		word := string(f.Verdict)
		if f.Verdict == library.Unfit && slices.Contains(k.Uses, f.Use) {
			word = strings.ToUpper(word)
		}
		last[len(last)-len(library.Uses)+slices.Index(library.Uses, f.Use)] = word
	}
	return rows
}

// findingText is a verdict with its reason, what to do, and its evidence.
func findingText(f library.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: %s. %s\n", strings.TrimSpace(f.Library+" "+f.Version), useWords[f.Use], f.Verdict, sentence(f.Why))
	if f.Remedy != "" {
		fmt.Fprintf(&b, "    %s\n", sentence(f.Remedy))
	}
	for _, e := range f.Evidence {
		fmt.Fprintf(&b, "    %s: %s\n", layerWords[e.Layer], evidenceText(f, e))
	}
	return b.String()
}

// evidenceText is a fact; that of a note which decided is told already, and only its page
// is left to tell.
func evidenceText(f library.Finding, e library.Evidence) string {
	switch {
	case e.Source == "":
		return printable(e.Fact)
	case e.Fact == f.Why:
		return fmt.Sprintf("%s (read %s)", e.Source, e.Checked)
	}
	return fmt.Sprintf("%s; %s (read %s)", printable(e.Fact), e.Source, e.Checked)
}

// sentence makes a sentence of a clause.
func sentence(clause string) string {
	if clause == "" {
		return ""
	}
	return strings.ToUpper(clause[:1]) + printable(clause[1:]) + "."
}

// warnings tells which libraries do not fit what a pool does with them.
func (v *planView) warnings() {
	for _, w := range v.plan.Warnings {
		v.line("%s: %s: %s does not fit %s: %s.", v.paint(yellow, "Warning"), w.Address, strings.TrimSpace(w.Library+" "+w.Version), useNouns[w.Use], printable(w.Why))
		if w.Remedy != "" {
			v.line("  %s", sentence(w.Remedy))
		}
		if v.opts.Compact {
			continue
		}
		for _, e := range w.Evidence {
			v.line("  %s: %s", layerWords[e.Layer], evidenceText(w.Finding, e))
		}
	}
	if len(v.plan.Warnings) > 0 {
		v.line("")
	}
}

// useNouns are the uses as a pool has them.
var useNouns = map[library.Use]string{
	library.Threads: "a pool of threads", library.FreeThreaded: "a free-threaded Python", library.Fork: "workers that are forked",
}
