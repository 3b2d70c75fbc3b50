package spec

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Severity says whether a diagnostic stops what was asked for.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Diagnostic is one problem of a configuration. Its JSON form is what
// `snakectl validate --json` prints; fields are only ever added.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	Summary  string   `json:"summary"`
	Detail   string   `json:"detail"`
	// File is empty for a problem that has no place in a file. Lines and columns
	// count from 1; columns count characters.
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndLine   int    `json:"end_line,omitempty"`
	EndColumn int    `json:"end_column,omitempty"`
	// Block is the outermost block around the place: pool "api".
	Block string `json:"block,omitempty"`
	// Pool is the address of the pool the problem belongs to, if any.
	Pool string `json:"pool,omitempty"`
	// Snippet is the source line the problem starts on.
	Snippet string `json:"snippet,omitempty"`
}

// Text returns the diagnostic for people, without colour, ending in a newline.
func (d Diagnostic) Text() string {
	var b strings.Builder
	title := "Error"
	if d.Severity == SeverityWarning {
		title = "Warning"
	}
	fmt.Fprintf(&b, "%s: %s\n\n", title, d.Summary)
	if where := d.where(); where != "" {
		fmt.Fprintf(&b, "%s\n\n", where)
	}
	if d.Detail != "" {
		fmt.Fprintf(&b, "%s\n", d.Detail)
	}
	return b.String()
}

// where returns the place and its source line, indented, or "".
func (d Diagnostic) where() string {
	if d.File == "" {
		return ""
	}
	text := fmt.Sprintf("  on %s line %d", d.File, d.Line)
	if d.Block != "" {
		text += ", in " + d.Block
	}
	if d.Snippet == "" {
		return text
	}
	return fmt.Sprintf("%s:\n  %d: %s", text, d.Line, d.Snippet)
}

// Diagnostics are the problems of a configuration in the order of their places.
type Diagnostics []Diagnostic

// HasErrors reports whether one of them is an error.
func (ds Diagnostics) HasErrors() bool {
	for _, d := range ds {
		if d.Severity == SeverityError {
			return true
		}
	}
	return false
}

// Text returns all of them for people, separated by empty lines.
func (ds Diagnostics) Text() string {
	texts := make([]string, len(ds))
	for i, d := range ds {
		texts[i] = d.Text()
	}
	return strings.Join(texts, "\n")
}

// Error makes diagnostics usable as an error: the first one and how many follow.
func (ds Diagnostics) Error() string {
	if len(ds) == 0 {
		return "no diagnostics"
	}
	text := ds[0].Summary
	if ds[0].File != "" {
		text = fmt.Sprintf("%s:%d: %s", ds[0].File, ds[0].Line, text)
	}
	if len(ds) > 1 {
		text += fmt.Sprintf(" (and %d more)", len(ds)-1)
	}
	return text
}

// maxDiagnostics bounds what is kept of a file that is wrong in every line.
const maxDiagnostics = 200

// reporter collects diagnostics; the same problem at the same place is kept once,
// however many pools of a for_each share it.
type reporter struct {
	sources *sources
	list    Diagnostics
	seen    map[Diagnostic]bool
	errors  bool
}

func newReporter(s *sources) *reporter {
	return &reporter{sources: s, seen: map[Diagnostic]bool{}}
}

func (r *reporter) add(d Diagnostic) {
	if d.Severity == SeverityError {
		r.errors = true
	}
	key := d
	key.Pool = ""
	if r.seen[key] || len(r.list) >= maxDiagnostics {
		return
	}
	r.seen[key] = true
	r.list = append(r.list, d)
}

// place fills in where at is.
func (r *reporter) place(d Diagnostic, at hcl.Range, pool string) Diagnostic {
	if len(r.list) >= maxDiagnostics {
		return d // it will not be kept
	}
	d.File, d.Pool = at.Filename, pool
	d.Line, d.Column = at.Start.Line, at.Start.Column
	d.EndLine, d.EndColumn = at.End.Line, at.End.Column
	d.Snippet = r.sources.line(at.Filename, at.Start.Line)
	block := r.sources.blockAt(at)
	if block != nil {
		d.Block = blockTitle(block)
		if pool == "" && block.Type == blockPool && len(block.Labels) == 1 {
			d.Pool = "pool." + block.Labels[0]
		}
	}
	return d
}

func (r *reporter) errorAt(at hcl.Range, pool, summary, format string, args ...any) {
	r.add(r.place(Diagnostic{Severity: SeverityError, Summary: summary, Detail: fmt.Sprintf(format, args...)}, at, pool))
}

func (r *reporter) warnAt(at hcl.Range, summary, format string, args ...any) {
	r.add(r.place(Diagnostic{Severity: SeverityWarning, Summary: summary, Detail: fmt.Sprintf(format, args...)}, at, ""))
}

// hcl takes over the parser's own diagnostics.
func (r *reporter) hcl(diags hcl.Diagnostics, pool string) {
	for _, hd := range diags {
		d := Diagnostic{Severity: SeverityError, Summary: hd.Summary, Detail: hd.Detail}
		if strings.HasPrefix(hd.Detail, "Expected the start of an expression") {
			d.Detail += ` Text stands in quotation marks: "./adapter.py".`
		}
		if hd.Severity == hcl.DiagWarning {
			d.Severity = SeverityWarning
		}
		if hd.Subject != nil {
			d = r.place(d, *hd.Subject, pool)
		}
		r.add(d)
	}
}
