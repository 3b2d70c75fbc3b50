package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

func newStackCommand(a *App) *cobra.Command {
	var asJSON bool
	cmd := command{
		use:   "stack POOL[/PLACE] [--json]",
		short: "Print what the threads of workers are doing right now",
		long: `Print the Python stacks of all threads of a worker, or of every worker of a pool,
as they are at this moment, also of one that is stuck in C code. The worker goes on.`,
		examples: [2]string{"snakectl stack api/0", "snakectl stack api --json"},
		args:     cobra.ExactArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runStack(ctx, args[0], asJSON) },
	}.cobra(a)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *App) runStack(ctx context.Context, name string, asJSON bool) error {
	if _, err := pool.ParseWorkerRef(name); err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	all, err := c.Stacks(ctx, name)
	if err != nil {
		return a.explain(err)
	}
	if asJSON {
		return json.NewEncoder(a.Stdout).Encode(all)
	}
	var failed error
	for i := range all {
		if _, err := fmt.Fprint(a.Stdout, renderStacks(&all[i], i == 0)); err != nil {
			return err
		}
		if all[i].Error != "" {
			failed = errors.Join(failed, fmt.Errorf("cannot take the stacks of %s: %s", all[i].Worker, all[i].Error))
		}
	}
	return failed
}

// renderStacks returns one worker's stacks, and nothing where there are none.
func renderStacks(s *client.Stacks, first bool) string {
	if s.Error != "" {
		return ""
	}
	text := fmt.Sprintf("%s, pid %d\n%s", s.Worker, s.PID, s)
	if !first {
		text = "\n" + text
	}
	return text
}
