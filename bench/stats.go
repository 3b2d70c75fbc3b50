package main

import (
	"slices"
	"time"
)

// row is one figure, measured once in each round.
type row struct {
	// Group is the noun that the row says something of.
	Group string `json:"group"`
	Name  string `json:"name"`
	// Column is set for rows that are printed side by side, one line for each name.
	Column string `json:"column,omitempty"`
	Unit   string `json:"unit"`
	// Target is what the median should not exceed; 0 means there is none.
	Target float64   `json:"target,omitempty"`
	Values []float64 `json:"values"`
}

// noisySpread is the range of a row's rounds, relative to their median, above
// which the row counts neither way.
const noisySpread = 0.25

// median of the rounds; 0 without any.
func (r *row) median() float64 { return percentile(r.Values, 0.5) }

func (r *row) noisy() bool {
	m := r.median()
	return m != 0 && (slices.Max(r.Values)-slices.Min(r.Values))/m > noisySpread
}

// verdict compares a row with its target.
func (r *row) verdict() string {
	switch {
	case len(r.Values) == 0:
		return "n/a"
	case r.Target == 0 && r.noisy():
		return "noisy"
	case r.Target == 0:
		return ""
	case slices.Max(r.Values) <= r.Target: // whatever the noise
		return "met"
	case slices.Min(r.Values) > r.Target:
		return "missed"
	case r.noisy():
		return "noisy"
	case r.median() <= r.Target:
		return "met"
	}
	return "missed"
}

// percentile returns the value below which the share p of values lies; 0 without
// any.
func percentile[T ~int64 | ~float64](values []T, p float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// table collects rows by group, name and column, in the order in which they first appear.
type table struct {
	rows []*row
	// group is that of the rows that are added next.
	group string
}

// add notes one round's value of a row.
func (t *table) add(name, unit string, target, value float64) {
	r := t.row(row{Group: t.group, Name: name, Unit: unit, Target: target})
	r.Values = append(r.Values, value)
}

// cell notes one round's value of a row that is printed beside others of its name.
func (t *table) cell(name, column, unit string, value float64) {
	r := t.row(row{Group: t.group, Name: name, Column: column, Unit: unit})
	r.Values = append(r.Values, value)
}

// row returns the row that is already there, or the new one.
func (t *table) row(wanted row) *row {
	i := slices.IndexFunc(t.rows, func(r *row) bool {
		return r.Group == wanted.Group && r.Name == wanted.Name && r.Column == wanted.Column && (r.Column == "" || r.Unit == wanted.Unit)
	})
	if i < 0 {
		i = len(t.rows)
		t.rows = append(t.rows, &wanted)
	}
	return t.rows[i]
}

// missing notes a row that cannot be measured here.
func (t *table) missing(name, unit string) {
	t.row(row{Group: t.group, Name: name, Unit: unit, Values: []float64{}})
}
