// Command bench measures the figures that the documentation quotes: the real
// program in a private instance, beside the floor it stands on (the same worker
// and frames without a supervisor, and with the least possible process in between)
// and beside what Python's standard library offers.
//
// Everything is measured in rounds, one subject after the other within a round,
// so that ratios hold even when the machine is busy. The latencies are measured
// twice: with the whole process tree pinned to one CPU, which is the length of the
// path, and free, which adds what it costs to wake another CPU. It needs no
// network but for the packages of the workloads; what is not installed is "n/a".
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
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
	flag.StringVar(&o.measure, "measure", "", "pinned or free: measure in this process and print rows as JSON (used by bench itself)")
	flag.StringVar(&o.only, "only", "", "measure one group of rows alone: "+strings.Join(groupNames(), ", "))
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
	if o.only != "" && !slices.Contains(groupNames(), o.only) {
		return fmt.Errorf("there is no group %q; there are %s", o.only, strings.Join(groupNames(), ", "))
	}
	report := report{Machine: machine()}
	for _, mode := range []string{"pinned", "free"} {
		if !slices.ContainsFunc(groups(), func(g group) bool { return o.wants(g, mode) }) {
			continue
		}
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
	for _, g := range groups() {
		if !o.wants(g, o.measure) {
			continue
		}
		s.table.group = g.name
		if err := g.measure(s, ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return s.table.rows, nil
}

// group is what is measured of one thing, and the heading of its rows.
type group struct {
	name    string
	measure func(*session, context.Context) error
	// pinned: it is measured on one CPU as well.
	pinned bool
}

func groups() []group {
	return []group{
		{"latencies", (*session).latencies, true},
		{"throughput", (*session).throughput, false},
		{"starts", (*session).starts, false},
		{"deaths", (*session).deaths, false},
		{"adoptions", (*session).adoptions, false},
		{"ends", (*session).ends, false},
		{"rolls", (*session).rolls, false},
		{"commands", (*session).commands, false},
		{"upkeep", (*session).upkeep, false},
		{"endurance", (*session).endurance, false},
		{"status", (*session).status, false},
		{"profiles", (*session).profiles, false},
		{"workloads", (*session).workloads, false},
	}
}

func groupNames() []string {
	var names []string
	for _, g := range groups() {
		names = append(names, g.name)
	}
	return names
}

// wants reports whether a group is measured in a mode.
func (o options) wants(g group, mode string) bool {
	return (o.only == "" || o.only == g.name) && (g.pinned || mode == "free")
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
