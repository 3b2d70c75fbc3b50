package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/planfile"
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
	scope        scopeOptions
	out          string
	message      string
}

func newPlanCommand(a *App) *cobra.Command {
	var opts planOptions
	cmd := command{
		use:   "plan [DIR|FILE] [--out=FILE] [--json] [--detailed-exitcode] [--target=ADDRESS]...",
		short: "Show what apply would change",
		long: `Compare the configuration of a directory or one file with what was applied and what
runs, and print every change with its effect on workers. Nothing is started and
nothing is written, but for --out: it saves the plan in a file that apply carries out
later, and show prints. With --detailed-exitcode the exit code is 0 for no changes and
2 for changes.`,
		examples: [2]string{"snakectl plan", "snakectl plan pools.hcl --var size=4 --out=more.plan"},
		args:     cobra.MaximumNArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runPlan(ctx, args, opts) },
	}.cobra(a)
	opts.vars.bind(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&opts.detailedExit, "detailed-exitcode", false, "exit 2 when there are changes")
	flags.BoolVar(&opts.json, "json", false, "print the plan as JSON")
	flags.BoolVar(&opts.compact, "compact", false, "one line per address")
	flags.BoolVar(&opts.verbose, "verbose", false, "also the attributes that stay as they are")
	flags.BoolVar(&opts.scope.destroy, "destroy", false, "plan the end of every pool")
	opts.scope.bind(flags)
	opts.scope.bindReplace(flags)
	flags.StringVar(&opts.out, "out", "", "save the plan in this file, for \"snakectl apply FILE\"")
	flags.StringVarP(&opts.message, "message", "m", "", "with --out: a note that is kept with the revision")
	return cmd
}

func (a *App) runPlan(ctx context.Context, args []string, opts planOptions) error {
	if opts.message != "" && opts.out == "" {
		return errors.New("-m is kept with a saved plan: add --out=FILE, or give it to \"snakectl apply\"")
	}
	wanted, err := a.wanted(ctx, args, opts)
	if err != nil {
		return err
	}
	plan, observed, err := a.planOnce(ctx, wanted, opts.out != "")
	if err != nil {
		return a.explain(err)
	}
	a.warn(ctx, wanted, plan)
	refused := wanted.refusal(plan)
	if refused != nil {
		opts.out = "" // nobody may carry it out
	}
	if opts.out != "" {
		manifest := planfile.Manifest{Version: a.Version, Message: opts.message}
		if err := savePlan(opts.out, wanted, plan, observed, manifest); err != nil {
			return err
		}
	}
	if opts.json {
		fmt.Fprintf(a.Stdout, "%s\n", planner.Encode(*plan))
	} else {
		a.showPlan(wanted, plan, opts)
	}
	if refused != nil {
		return refused
	}
	if opts.detailedExit && !plan.Empty() {
		return exitWith(exitChanges)
	}
	return nil
}

// showPlan prints a plan, and where to edit the configuration after a refresh.
func (a *App) showPlan(w *wish, plan *planner.Plan, opts planOptions) {
	fmt.Fprint(a.Stdout, renderPlan(*plan, a.viewOptions(planHeader(w.title(), plan), opts)))
	if w.back != nil && !plan.Empty() {
		a.say("\n%s", strings.TrimSuffix(rollbackAdvice(w.back), "\n"))
	}
	if plan.Options.RefreshOnly && w.conf != nil {
		fmt.Fprint(a.Stdout, refreshEdits(*plan, w.conf.config))
	}
	if opts.out != "" {
		a.say("\nSaved in %s. Carry it out with: snakectl apply %s", opts.out, opts.out)
	}
}

// planOnce asks the supervisor for a plan, or makes it from the state when none runs.
// What it was compared with is nil where it is not wanted.
func (a *App) planOnce(ctx context.Context, w *wish, compared bool) (plan *planner.Plan, observed *pool.Observed, err error) {
	c, err := a.client()
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	err = settled(func() error {
		if compared {
			plan, observed, err = c.PlanObserved(ctx, w.request())
		} else {
			plan, err = c.Plan(ctx, w.request())
		}
		return err
	})
	if errors.Is(err, client.ErrNoSupervisor) {
		plan, observed, err = a.planAlone(w)
	}
	if err != nil {
		return nil, nil, err
	}
	plan.Git = w.git
	return plan, observed, nil
}

// wish is what the user wants to be true: a configuration, the end of pools, a former
// revision.
type wish struct {
	// conf is what was read; nil for a destroy and for what was read before.
	conf *configuration
	// former is a spec that was read before: of a revision or a saved plan.
	former  *pool.Desired
	name    string         // of what former is
	saved   *planfile.File // where former is from, if it was saved
	back    *pool.Revision // what is brought back, if it is a rollback
	options planner.Options
	git     *pool.Git
}

// wanted loads what plan and apply are about. A destroy reads no configuration.
func (a *App) wanted(ctx context.Context, args []string, opts planOptions) (*wish, error) {
	options, err := opts.scope.options()
	if err != nil {
		return nil, err
	}
	if options.Destroy {
		if len(args) > 0 {
			return nil, fmt.Errorf("cannot destroy %s: a destroy ends pools of the instance and reads no configuration; leave the argument out", args[0])
		}
		return &wish{options: options}, nil
	}
	conf, err := a.load(ctx, args, opts.vars, opts.json)
	if err != nil {
		return nil, err
	}
	return &wish{conf: conf, options: options, git: readGit(ctx, conf.config.Root)}, nil
}

// desired returns nil for a destroy.
func (w *wish) desired() *pool.Desired {
	if w.conf == nil {
		return w.former
	}
	return &w.conf.desired
}

func (w *wish) request() client.PlanRequest {
	return client.PlanRequest{Desired: w.desired(), Options: w.options}
}

// title names what was read.
func (w *wish) title() string {
	switch {
	case w.conf != nil:
		return w.conf.title()
	case w.saved != nil:
		return w.name
	case w.former != nil:
		return w.name + ": " + contents(w.former)
	}
	return "every pool of the instance"
}

// planHeader is the first line of a plan: what was read and what it is compared with.
func planHeader(title string, plan *planner.Plan) string {
	if !plan.WorkersObserved {
		return fmt.Sprintf("%s\nsupervisor not running: workers not observed, state of revision %d", title, plan.BaseRevision)
	}
	return fmt.Sprintf("%s    supervisor revision %d", title, plan.BaseRevision)
}

// planAlone plans without a supervisor, against a copy of the instance's state.
func (a *App) planAlone(w *wish) (*planner.Plan, *pool.Observed, error) {
	dir, err := a.instanceDir()
	if err != nil {
		return nil, nil, err
	}
	view, err := state.ReadCopy(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot plan: %w", err)
	}
	if view.Notice != "" {
		a.say("Notice: %s", view.Notice)
	}
	maps.DeleteFunc(view.Overrides, func(_ string, o pool.Override) bool { return o.Over(time.Now()) })
	var desired pool.Desired
	if d := w.desired(); d != nil {
		desired = *d
	}
	observed := view.Observed()
	_, observed.Confinement = supervisor.Confine(0)
	observed.Environments = environmentsOf(dir).Keys()
	observed.Machine = supervisor.Machine(a.Env)
	resolved, err := planner.Resolve(desired, observed, w.options)
	if err != nil {
		return nil, nil, err
	}
	plan := planner.Decide(resolved, observed, w.options)
	return &plan, &observed, nil
}

func (a *App) viewOptions(header string, opts planOptions) viewOptions {
	return viewOptions{
		Color: a.colored(a.StdoutTTY), Verbose: opts.verbose, Compact: opts.compact,
		Header: header, Width: a.Width,
	}
}
