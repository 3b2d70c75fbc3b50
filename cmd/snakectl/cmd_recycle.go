package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/pool"
)

func newRecycleCommand(a *App) *cobra.Command {
	return command{
		use:   "recycle POOL[/PLACE]",
		also:  []string{"restart", "reload"},
		short: "Replace workers by fresh ones of the same kind",
		long: `Replace every worker of a pool, or the one in a place, by a fresh one with the same
code and settings. Each replacement is ready before the old worker drains; a place
in quarantine is given a worker again.`,
		examples: [2]string{"snakectl recycle api", "snakectl recycle api/3"},
		args:     cobra.ExactArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runRecycle(ctx, args[0]) },
	}.cobra(a)
}

func (a *App) runRecycle(ctx context.Context, name string) error {
	ref, err := pool.ParseWorkerRef(name)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	addr := ref.Pool
	if ref.Place >= 0 {
		addr = pool.WorkerAddress(ref.Pool, ref.Place)
	}
	progress := a.newProgress()
	progress.action[ref.Pool] = actionRecycle
	outcome, err := c.Recycle(ctx, addr, a.by(), progress.show)
	progress.close()
	if err != nil {
		return a.explain(err)
	}
	if outcome.Result == pool.ResultConverged || outcome.Result == pool.ResultUnchanged {
		fmt.Fprintf(a.Stdout, "Recycled %s in %s.\n", addr, seconds(outcome.MS))
		return nil
	}
	return &codedError{code: resultExit(outcome.Result), err: fmt.Errorf("cannot recycle %s: %s", addr, outcome.Message)}
}
