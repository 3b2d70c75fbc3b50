package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVerdict(t *testing.T) {
	tests := []struct {
		name   string
		target float64
		values []float64
		want   string
	}{
		{"nothing measured", 5, nil, "n/a"},
		{"no target", 0, []float64{1, 1.1}, ""},
		{"no target, noisy", 0, []float64{1, 2}, "noisy"},
		{"met", 5, []float64{4, 4.5, 5}, "met"},
		{"met whatever the noise", 5, []float64{1, 3, 5}, "met"},
		{"missed whatever the noise", 5, []float64{6, 60, 600}, "missed"},
		{"noisy across the target", 5, []float64{4, 5, 9}, "noisy"},
		{"median at the target", 5, []float64{4.8, 5, 5.2}, "met"},
		{"median above the target", 5, []float64{4.9, 5.1, 5.2}, "missed"},
	}
	for _, tt := range tests {
		r := row{Target: tt.target, Values: tt.values}
		if got := r.verdict(); got != tt.want {
			t.Errorf("%s: verdict() = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	for p, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile(%v) = %v, want %v", p, got, want)
		}
	}
	if got := percentile([]float64(nil), 0.5); got != 0 {
		t.Errorf("percentile of nothing = %v, want 0", got)
	}
}

func TestSumOfBenchmarks(t *testing.T) {
	out := "goos: linux\nBenchmarkStatus-2   \t      20\t  17000000 ns/op\nPASS\nBenchmarkStatusView \t 20\t 3000000.5 ns/op\nok\n"
	if sum, n := sumOfBenchmarks([]byte(out)); sum != 20*time.Millisecond || n != 2 {
		t.Errorf("sumOfBenchmarks = %s, %d, want 20ms of 2", sum, n)
	}
}

// Rows are found again by group, name, column and, beside others, unit.
func TestTable(t *testing.T) {
	var rows table
	for range 2 {
		rows.group = "calls"
		rows.add("echo", "us", 5, 3)
		rows.group = "workloads"
		rows.add("echo", "us", 0, 4)
		rows.cell("waves", "snakectl", "calls/s", 10)
		rows.cell("waves", "snakectl", "p99 ms", 1)
		rows.cell("waves", "in process", "calls/s", 20)
	}
	if len(rows.rows) != 5 {
		t.Fatalf("there are %d rows, want 5", len(rows.rows))
	}
	for _, r := range rows.rows {
		if len(r.Values) != 2 {
			t.Errorf("row %+v has %d values, want 2", r, len(r.Values))
		}
	}
	rows.missing("tables", "calls/s")
	r := report{Machine: "a machine"}
	r.add("free", rows.rows)
	var out strings.Builder
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	want := `a machine

FREE                                                     median  range                   unit       target

calls
  echo                                                        3  3 .. 3                  us           <= 5  met

workloads
  echo                                                        4  4 .. 4                  us
                          snakectl, calls/s         snakectl, p99 ms          in process, calls/s
  waves                   10 (10..10)               1 (1..1)                  20 (20..20)
  tables                                                    n/a
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("the report (-want +got):\n%s", diff)
	}
}
