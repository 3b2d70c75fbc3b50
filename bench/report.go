package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// report is all that was measured.
type report struct {
	Machine string            `json:"machine"`
	Modes   []string          `json:"modes"`
	Rows    map[string][]*row `json:"rows"`
}

func (r *report) add(mode string, rows []*row) {
	if r.Rows == nil {
		r.Rows = map[string][]*row{}
	}
	r.Modes = append(r.Modes, mode)
	r.Rows[mode] = rows
}

// write prints the report for people: for each mode the rows of each group.
func (r *report) write(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintln(&b, r.Machine)
	for _, mode := range r.Modes {
		fmt.Fprintf(&b, "\n%-52s %10s  %-23s %-8s %8s\n", strings.ToUpper(mode), "median", "range", "unit", "target")
		heading := ""
		for rows := r.Rows[mode]; len(rows) > 0; {
			of := rows[0]
			end := slices.IndexFunc(rows, func(r *row) bool { return r.Group != of.Group || (r.Column == "") != (of.Column == "") })
			if end < 0 {
				end = len(rows)
			}
			if of.Group != heading {
				heading = of.Group
				fmt.Fprintf(&b, "\n%s\n", heading)
			}
			if of.Column == "" {
				writeList(&b, rows[:end])
			} else {
				writeGrid(&b, rows[:end])
			}
			rows = rows[end:]
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func writeList(b *strings.Builder, rows []*row) {
	for _, r := range rows {
		if len(r.Values) == 0 {
			fmt.Fprintf(b, "  %-50s %10s\n", r.Name, "n/a")
			continue
		}
		target := ""
		if r.Target != 0 {
			target = fmt.Sprintf("<= %.4g", r.Target)
		}
		spread := fmt.Sprintf("%.4g .. %.4g", slices.Min(r.Values), slices.Max(r.Values))
		line := fmt.Sprintf("  %-50s %10.4g  %-23s %-8s %8s  %s", r.Name, r.median(), spread, r.Unit, target, r.verdict())
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
}

// cellWidth is the least that a column takes.
const cellWidth = 24

// writeGrid prints one line for each name: the median and range of each column.
func writeGrid(b *strings.Builder, rows []*row) {
	var names, columns []string
	cells := map[[2]string]string{}
	for _, r := range rows {
		column := r.Column + ", " + r.Unit
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
		if len(r.Values) > 0 {
			cells[[2]string{r.Name, column}] = fmt.Sprintf("%.4g (%.4g..%.4g)", r.median(), slices.Min(r.Values), slices.Max(r.Values))
		}
	}
	line := func(name string, cell func(column string) string) {
		var text strings.Builder
		fmt.Fprintf(&text, "  %-22s", name)
		for _, c := range columns {
			fmt.Fprintf(&text, "  %-*s", max(len(c), cellWidth), cell(c))
		}
		fmt.Fprintln(b, strings.TrimRight(text.String(), " "))
	}
	line("", func(column string) string { return column })
	for _, name := range names {
		line(name, func(column string) string { return cells[[2]string{name, column}] })
	}
}
