package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

func newDiagnoseCommand(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "diagnose",
		Short:   "Measure what this machine can hold",
		Long:    `Measure the running workers and the limits of this machine.`,
		Example: examples("snakectl diagnose scaling", "snakectl diagnose scaling --json"),
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDiagnoseScaling(a))
	return cmd
}

func newDiagnoseScaling(a *App) *cobra.Command {
	var asJSON bool
	cmd := command{
		use:   "scaling [--json]",
		short: "Say how many workers fit, and what runs out first",
		long: `Measure what the running workers need (memory, threads, open files, time to be
ready) and what this machine and its control group allow, and say how many such
workers would fit and what runs out first.`,
		examples: [2]string{"snakectl diagnose scaling", "snakectl diagnose scaling --json"},
		args:     cobra.NoArgs,
		run:      func(ctx context.Context, _ []string) error { return a.runScaling(ctx, asJSON) },
	}.cobra(a)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// scaling is what `snakectl diagnose scaling --json` prints.
type scaling struct {
	Machine machine `json:"machine"`
	Usage   usage   `json:"usage"`
	// Confinement says what holds workers to limits.memory here.
	Confinement pool.Confinement `json:"confinement"`
	Bounds      []bound          `json:"bounds"`
	// Maximum is the projected number of workers, 0 when no worker could be measured.
	Maximum int64 `json:"maximum"`
}

func (a *App) runScaling(ctx context.Context, asJSON bool) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := diagnose(ctx, c)
	if err != nil {
		return a.explain(err)
	}
	if asJSON {
		return writeJSON(a.Stdout, s, a.StdoutTTY)
	}
	fmt.Fprint(a.Stdout, renderScaling(s))
	return nil
}

func diagnose(ctx context.Context, c *client.Client) (scaling, error) {
	status, err := c.Status(ctx)
	if err != nil {
		return scaling{}, err
	}
	m, err := readMachine(status.Supervisor.PID)
	if err != nil {
		return scaling{}, err
	}
	var ready []int64
	err = c.Events(ctx, client.EventOptions{Filter: []string{"worker.ready"}}, func(r client.EventRecord) error {
		if e, ok := r.Data.(client.WorkerReady); ok {
			ready = append(ready, e.ReadyUS)
		}
		return nil
	})
	if err != nil {
		return scaling{}, err
	}
	observed, err := c.Observed(ctx)
	if err != nil {
		return scaling{}, err
	}
	s := scaling{Machine: m, Usage: workersUsage(status, m, ready), Confinement: observed.Confinement}
	if s.Bounds = project(m, s.Usage); len(s.Bounds) > 0 {
		s.Maximum = s.Bounds[0].Workers
	}
	return s, nil
}

func renderScaling(s scaling) string {
	var b strings.Builder
	m, u := s.Machine, s.Usage
	fmt.Fprintf(&b, "Machine   %.1f cores, %s of memory available, nofile %s (%d open), %s more processes\n",
		m.Cores, bytesText(m.MemoryBytes), limitText(m.Files), m.FilesOpen, limitText(m.Tasks))
	fmt.Fprintf(&b, "Limits    %s\n", confinementText(s.Confinement))
	if s.Confinement.Mend != "" {
		fmt.Fprintf(&b, "          mend: %s\n", s.Confinement.Mend)
	}
	if u.Workers == 0 {
		b.WriteString("Workers   none runs: apply a configuration to measure one\n")
		return b.String()
	}
	fmt.Fprintf(&b, "Workers   %d run: %s each, the largest %s, %d threads, %d files of the supervisor\n",
		u.Workers, bytesText(u.WorkerBytes), bytesText(u.LargestBytes), u.WorkerTasks, u.WorkerFiles)
	if u.Starts == 0 {
		b.WriteString("Starting  no start was seen: they were adopted\n")
	} else {
		fmt.Fprintf(&b, "Starting  %s until a worker takes calls (median of %d)\n", time.Duration(u.ReadyUS)*time.Microsecond, u.Starts)
	}
	b.WriteByte('\n')
	rows := [][]string{{"RESOURCE", "WORKERS", "BECAUSE"}}
	for _, r := range s.Bounds {
		rows = append(rows, cells(r.Resource, r.Workers, r.Because))
	}
	b.WriteString(table(rows))
	if len(s.Bounds) > 0 {
		fmt.Fprintf(&b, "\nAbout %d workers like these fit; the first limit is %s.", s.Maximum, s.Bounds[0].Resource)
		if u.Starts > 0 {
			fmt.Fprintf(&b, " Starting all of them takes about %s.", startTime(m, u, s.Maximum))
		}
		fmt.Fprintf(&b, "\nCalls that compute gain nothing above %.0f workers, one for each core.\n", m.Cores)
	}
	return b.String()
}

func limitText(n int64) string {
	if n == unlimited {
		return "unlimited"
	}
	return fmt.Sprint(n)
}
