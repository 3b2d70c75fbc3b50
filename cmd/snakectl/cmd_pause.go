package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

func newPauseCommand(a *App) *cobra.Command {
	return command{
		use:   "pause POOL[/PLACE]",
		short: "Give a pool or a worker no new calls",
		long: `Stop giving calls to a pool, or to the worker in a place, until "snakectl resume".
Calls that execute are finished. New calls of a paused pool wait in its queue, which
takes queue.max of them, and each as long as queue.timeout says; then they fail as
they would if all workers were busy. The pause survives a restart of the supervisor
and replacements of the worker.`,
		examples: [2]string{"snakectl pause api", "snakectl pause api/3"},
		args:     cobra.ExactArgs(1),
		run: func(ctx context.Context, args []string) error {
			return a.changePause(ctx, args[0], "Paused", (*client.Client).Pause)
		},
	}.cobra(a)
}

func newResumeCommand(a *App) *cobra.Command {
	return command{
		use:   "resume POOL[/PLACE]",
		short: "End a pause",
		long: `Give calls to a paused pool, or to the paused worker in a place, again. Those that
wait come first, in the order in which they came.`,
		examples: [2]string{"snakectl resume api", "snakectl resume api/3"},
		args:     cobra.ExactArgs(1),
		run: func(ctx context.Context, args []string) error {
			return a.changePause(ctx, args[0], "Resumed", (*client.Client).Resume)
		},
	}.cobra(a)
}

func (a *App) changePause(ctx context.Context, name, done string, change func(*client.Client, context.Context, string, string) (string, error)) error {
	ref, err := pool.ParseWorkerRef(name)
	if err != nil {
		return err
	}
	addr := ref.Pool
	if ref.Place >= 0 {
		addr = pool.WorkerAddress(ref.Pool, ref.Place)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	if addr, err = change(c, ctx, addr, a.by()); err != nil {
		return a.explain(err)
	}
	fmt.Fprintf(a.Stdout, "%s %s.\n", done, addr)
	return nil
}

// pauseText says who paused what, "" when nothing is paused.
func pauseText(p *pool.Pause, resume string) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("paused by %s at %s; end it with: snakectl resume %s", p.By, p.At.Local().Format("15:04:05"), strings.TrimPrefix(resume, "pool."))
}
