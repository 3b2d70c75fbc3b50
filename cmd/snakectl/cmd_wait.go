package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

func newWaitCommand(a *App) *cobra.Command {
	var state string
	var limit time.Duration
	cmd := command{
		use:   "wait POOL|all [--for ready|idle|gone] [--timeout D]",
		short: "Wait until a pool is ready, idle or gone",
		long: `Wait until every worker of the pool is ready (ready), no call runs or waits in it
(idle), or it and its workers do not exist any more (gone). The exit code is 11
when the time is over first.`,
		examples: [2]string{"snakectl wait api", "snakectl wait all --for=idle --timeout=1m"},
		args:     cobra.ExactArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runWait(ctx, args[0], state, limit) },
	}.cobra(a)
	cmd.Flags().StringVar(&state, "for", client.ForReady, "ready, idle or gone")
	cmd.Flags().DurationVar(&limit, "timeout", 30*time.Second, "how long to wait")
	return cmd
}

func (a *App) runWait(ctx context.Context, name, state string, limit time.Duration) error {
	if !slices.Contains([]string{client.ForReady, client.ForIdle, client.ForGone}, state) {
		return fmt.Errorf("cannot wait for %q: choose ready, idle or gone", state)
	}
	if limit <= 0 {
		return errors.New("--timeout must be positive")
	}
	addr := "" // all of them
	if name != "all" {
		var err error
		if addr, err = pool.ParseAddress(name); err != nil {
			return err
		}
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	err = c.Wait(ctx, addr, state, limit)
	if errors.Is(err, client.ErrNoSupervisor) && state == client.ForGone {
		return nil // without a supervisor no pool serves
	}
	return a.explain(err)
}
