package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
)

// upOptions are the flags of `snakectl up`.
type upOptions struct {
	vars    varOptions
	message string
}

func newUpCommand(a *App) *cobra.Command {
	var opts upOptions
	cmd := command{
		use:   "up [DIR|FILE] [-m TEXT]",
		short: "Supervise and apply, in the foreground",
		long: `Be the supervisor of the instance in the foreground, apply the configuration without
asking, and stay. SIGTERM or SIGINT drains the workers, stops them and ends with
status 0; a second signal ends at once. When the configuration cannot be applied all
of it ends, with the exit code of apply. It may be the first process of a container:
it reaps whatever its workers leave behind.`,
		examples: [2]string{"snakectl up", "snakectl up /srv/app --instance /var/lib/snakectl"},
		args:     cobra.MaximumNArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runUp(ctx, args, opts) },
	}.cobraRaw()
	opts.vars.bind(cmd)
	cmd.Flags().StringVarP(&opts.message, "message", "m", "", "what the history says about this revision")
	return cmd
}

// runUp reads the configuration before anything starts: the supervisor reaps every
// child of this process, so interpreters are asked before there is one.
func (a *App) runUp(ctx context.Context, args []string, opts upOptions) error {
	w, err := a.wantedUp(ctx, args, opts.vars)
	if err != nil {
		return err
	}
	return a.superviseInForeground(ctx, foreground{begin: func(ctx context.Context) error { return a.applyUp(ctx, w, opts.message) }})
}

func (a *App) wantedUp(ctx context.Context, args []string, vars varOptions) (*wish, error) {
	ctx, stop := a.interruptible(ctx)
	defer stop()
	return a.wanted(ctx, args, planOptions{vars: vars})
}

// applyUp applies to the supervisor in this process.
func (a *App) applyUp(ctx context.Context, w *wish, message string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	plan, err := c.Plan(ctx, w.request())
	if err != nil {
		return a.explain(err)
	}
	a.warn(ctx, w, plan)
	fmt.Fprint(a.Stdout, renderPlan(*plan, a.viewOptions(planHeader(w.title(), plan), planOptions{})))
	if plan.Empty() {
		return nil
	}
	progress := a.newProgress()
	defer progress.close()
	op := &operation{app: a, client: c, progress: progress, show: progress.show}
	outcome, err := c.Apply(ctx, client.ApplyRequest{
		Desired: w.desired(), Options: w.options, Approved: plan, By: a.by(), Message: message, Git: w.git,
	}, func(ev client.Event) { op.take(ctx, ev) })
	progress.close()
	if ctx.Err() != nil {
		return nil // told to end meanwhile
	}
	if err != nil {
		return a.explain(err)
	}
	a.tellOutcome(ctx, c, w, plan, outcome, op.failures)
	return exitWith(resultExit(outcome.Result))
}
