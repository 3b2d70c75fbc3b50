// Command bench measures the figures that the documentation quotes: the real
// program in a private instance, beside the floor it stands on (the same worker
// and frames without a supervisor, and with the least possible process in between)
// and beside what Python's standard library offers.
//
// Everything is measured in rounds, one subject after the other within a round,
// so that ratios hold even when the machine is busy. The latencies are measured
// twice: with the whole process tree pinned to one CPU, which is the length of the
// path, and free, which adds what it costs to wake another CPU. It needs no
// network; what is not installed is "n/a".
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
)

type options struct {
	root, binary string
	rounds       int
	asJSON       bool
	measure      string
	numeric      string
	only         string
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", ".", "directory of the module")
	flag.StringVar(&o.binary, "binary", "bin/snakectl", "the program that is measured")
	flag.IntVar(&o.rounds, "rounds", 5, "how often everything is measured")
	flag.BoolVar(&o.asJSON, "json", false, "print one JSON object")
	flag.StringVar(&o.numeric, "numeric", "python3", "an interpreter with numpy, for what is measured of long imports")
	flag.StringVar(&o.only, "only", "", "one part: latencies, throughput, starts, deaths, adoptions, ends, rolls, commands, upkeep, endurance, status or profiles")
	flag.StringVar(&o.measure, "measure", "", "pinned or free: measure in this process and print rows as JSON (used by bench itself)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(ctx context.Context, o options, out io.Writer) error {
	var err error
	for _, path := range []*string{&o.root, &o.binary} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	if o.numeric, err = exec.LookPath(o.numeric); err != nil {
		o.numeric = ""
	}
	if o.measure != "" {
		rows, err := measureAll(ctx, o)
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(rows)
	}
	report := report{Machine: machine()}
	for _, mode := range []string{"pinned", "free"} {
		rows, err := o.inChild(ctx, mode)
		if err != nil {
			return fmt.Errorf("cannot measure %s: %w", mode, err)
		}
		report.add(mode, rows)
	}
	if o.asJSON {
		return json.NewEncoder(out).Encode(report)
	}
	return report.write(out)
}

// measureAll measures everything that belongs to a mode.
func measureAll(ctx context.Context, o options) ([]*row, error) {
	s, err := openSession(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	for _, part := range s.parts(o.measure == "pinned") {
		if o.only != "" && o.only != part.name {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return nil, err
		}
	}
	return s.table.rows, nil
}

// part is some figures that are measured together.
type part struct {
	name    string
	measure func(context.Context) error
}

// parts returns what is measured of a session in turn.
func (s *session) parts(pinned bool) []part {
	latencies := part{"latencies", func(ctx context.Context) error { return s.latencies(ctx, pinned) }}
	if pinned {
		return []part{latencies}
	}
	return []part{
		latencies,
		{"throughput", s.throughput},
		{"starts", s.starts},
		{"deaths", s.deaths},
		{"adoptions", s.adoptions},
		{"ends", s.ends},
		{"rolls", s.rolls},
		{"commands", s.commands},
		{"upkeep", s.upkeep},
		{"endurance", s.endurance},
		{"status", s.status},
		{"profiles", s.profiles},
	}
}

// inChild measures in a process of its own, which the whole tree below it
// shares the CPUs of.
func (o options) inChild(ctx context.Context, mode string) ([]*row, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-measure", mode, "-root", o.root, "-binary", o.binary, "-rounds", fmt.Sprint(o.rounds), "-numeric", o.numeric, "-only", o.only)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * startLimit
	type result struct {
		out []byte
		err error
	}
	done := make(chan result)
	go func() { // on a thread of its own, which ends with the goroutine when it is pinned
		if mode == "pinned" {
			if err := pin(); err != nil {
				done <- result{err: err}
				return
			}
		}
		out, err := cmd.Output()
		done <- result{out, err}
	}()
	r := <-done
	if r.err != nil {
		return nil, r.err
	}
	var rows []*row
	err = json.Unmarshal(r.out, &rows)
	return rows, err
}

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

// write prints the report for people.
func (r *report) write(out io.Writer) error {
	_, err := fmt.Fprintln(out, r.Machine)
	for _, mode := range r.Modes {
		_, e := fmt.Fprintf(out, "\n%-52s %10s  %-23s %-8s %8s\n", mode, "median", "range", "unit", "target")
		err = errors.Join(err, e)
		for _, row := range r.Rows[mode] {
			err = errors.Join(err, row.write(out))
		}
	}
	return err
}

func (r *row) write(out io.Writer) error {
	if len(r.Values) == 0 {
		_, err := fmt.Fprintf(out, "%-52s %10s\n", r.Name, "n/a")
		return err
	}
	target := ""
	if r.Target != 0 {
		target = fmt.Sprintf("<= %.4g", r.Target)
	}
	spread := fmt.Sprintf("%.4g .. %.4g", slices.Min(r.Values), slices.Max(r.Values))
	_, err := fmt.Fprintf(out, "%-52s %10.4g  %-23s %-8s %8s  %s\n", r.Name, r.median(), spread, r.Unit, target, r.verdict())
	return err
}
