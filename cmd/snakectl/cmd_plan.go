package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
	"github.com/snakectl/snakectl/internal/supervisor"
)

// planOptions are the flags of `snakectl plan`.
type planOptions struct {
	vars         varOptions
	detailedExit bool
	json         bool
	compact      bool
	verbose      bool
	destroy      bool
}

func newPlanCommand(a *App) *cobra.Command {
	var opts planOptions
	cmd := command{
		use:   "plan [DIR|FILE] [--json] [--detailed-exitcode] [--destroy]",
		short: "Show what apply would change",
		long: `Compare the configuration of a directory or one file with what was applied and what
runs, and print every change with its effect on workers. Nothing is started and
nothing is written. With --detailed-exitcode the exit code is 0 for no changes and
2 for changes.`,
		examples: [2]string{"snakectl plan", "snakectl plan pools.hcl --var size=4 --detailed-exitcode"},
		args:     cobra.MaximumNArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runPlan(ctx, args, opts) },
	}.cobra(a)
	opts.vars.bind(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&opts.detailedExit, "detailed-exitcode", false, "exit 2 when there are changes")
	flags.BoolVar(&opts.json, "json", false, "print the plan as JSON")
	flags.BoolVar(&opts.compact, "compact", false, "one line per address")
	flags.BoolVar(&opts.verbose, "verbose", false, "also the attributes that stay as they are")
	flags.BoolVar(&opts.destroy, "destroy", false, "plan the end of every pool")
	return cmd
}

func (a *App) runPlan(ctx context.Context, args []string, opts planOptions) error {
	wanted, err := a.wanted(ctx, args, opts.vars, opts.destroy, opts.json)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	var plan *planner.Plan
	err = settled(func() error {
		plan, err = c.Plan(ctx, wanted.request())
		return err
	})
	if errors.Is(err, client.ErrNoSupervisor) {
		plan, err = a.planAlone(wanted)
	}
	if err != nil {
		return a.explain(err)
	}
	if opts.json {
		fmt.Fprintf(a.Stdout, "%s\n", planner.Encode(*plan))
	} else {
		fmt.Fprint(a.Stdout, renderPlan(*plan, a.viewOptions(wanted.header(plan), opts)))
	}
	if opts.detailedExit && !plan.Empty() {
		return exitWith(exitChanges)
	}
	return nil
}

// wish is what the user wants to be true: a configuration, or the end of all pools.
type wish struct {
	conf    *configuration // nil for a destroy
	options planner.Options
}

// wanted loads what plan and apply are about. A destroy reads no configuration.
func (a *App) wanted(ctx context.Context, args []string, vars varOptions, destroy, asJSON bool) (*wish, error) {
	if destroy {
		if len(args) > 0 {
			return nil, fmt.Errorf("cannot destroy %s: a destroy ends every pool of the instance and reads no configuration; leave the argument out", args[0])
		}
		return &wish{options: planner.Options{Destroy: true}}, nil
	}
	conf, err := a.load(ctx, args, vars, asJSON)
	return &wish{conf: conf}, err
}

// desired returns nil for a destroy.
func (w *wish) desired() *pool.Desired {
	if w.conf == nil {
		return nil
	}
	return &w.conf.desired
}

func (w *wish) request() client.PlanRequest {
	return client.PlanRequest{Desired: w.desired(), Options: w.options}
}

// header is the first line of a plan: what was read and what it is compared with.
func (w *wish) header(plan *planner.Plan) string {
	title := "every pool of the instance"
	if w.conf != nil {
		title = w.conf.title()
	}
	if !plan.WorkersObserved {
		return fmt.Sprintf("%s\nsupervisor not running: workers not observed, state of revision %d", title, plan.BaseRevision)
	}
	return fmt.Sprintf("%s    supervisor revision %d", title, plan.BaseRevision)
}

// planAlone plans without a supervisor, against a copy of the instance's state.
func (a *App) planAlone(w *wish) (*planner.Plan, error) {
	dir, err := a.instanceDir()
	if err != nil {
		return nil, err
	}
	view, err := state.ReadCopy(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot plan: %w", err)
	}
	if view.Notice != "" {
		a.say("Notice: %s", view.Notice)
	}
	var desired pool.Desired
	if w.conf != nil {
		desired = w.conf.desired
	}
	observed := view.Observed()
	_, observed.Confinement = supervisor.Confine(0)
	observed.Environments = environmentsOf(dir).Keys()
	plan := planner.Decide(desired, observed, w.options)
	return &plan, nil
}

func (a *App) viewOptions(header string, opts planOptions) viewOptions {
	return viewOptions{
		Color: a.colored(a.StdoutTTY), Verbose: opts.verbose, Compact: opts.compact,
		Header: header, Width: a.Width,
	}
}
