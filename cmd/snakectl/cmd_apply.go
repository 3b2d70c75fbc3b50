package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/planner"
)

// applyOptions are the flags of `snakectl apply` and `snakectl destroy`.
type applyOptions struct {
	plan        planOptions
	autoApprove bool
	detach      bool
	// expect is the revision that must be the accepted one; negative for any.
	expect int64
}

func newApplyCommand(a *App) *cobra.Command {
	var opts applyOptions
	cmd := command{
		use:   "apply [DIR|FILE|PLANFILE [DIR]] [--auto-approve] [--target=ADDRESS]... [-m TEXT]",
		short: "Carry a plan out",
		long: `Show the plan, ask for a yes, and carry it out: new workers are ready before old
ones drain, and nothing changes before the new adapter has proved that it starts.
A supervisor is started when none runs. A plan that "plan --out" saved is carried out
without a question, and does no more than it says; DIR after it is where the
configuration is now, if it was elsewhere then. The first Ctrl-C stops at the next safe
point, the second leaves the operation to the supervisor. Exit codes: 0 done, 1
nothing changed, 4 something did not reach its goal, 5 stale plan, 130 interrupted.`,
		examples: [2]string{"snakectl apply", "snakectl apply pools.hcl --auto-approve -m 'more workers'"},
		args:     cobra.MaximumNArgs(2),
		run:      func(ctx context.Context, args []string) error { return a.runApply(ctx, args, opts) },
	}.cobraRaw()
	opts.plan.vars.bind(cmd)
	opts.plan.scope.bind(cmd.Flags())
	opts.plan.scope.bindReplace(cmd.Flags())
	opts.bind(cmd)
	return cmd
}

// newDestroyCommand returns `snakectl destroy`: an apply that plans the end.
func newDestroyCommand(a *App) *cobra.Command {
	opts := applyOptions{plan: planOptions{scope: scopeOptions{destroy: true}}}
	cmd := command{
		use:   "destroy [--auto-approve] [--json] [--detach] [-m TEXT]",
		also:  []string{"delete", "remove"},
		short: "Drain and stop every pool",
		long: `Show which pools end, ask for a yes, then drain and stop all of their workers. The
supervisor and the history stay; apply brings the pools back.`,
		examples: [2]string{"snakectl destroy", "snakectl destroy --auto-approve"},
		args:     noConfiguration,
		run:      func(ctx context.Context, args []string) error { return a.runApply(ctx, args, opts) },
	}.cobraRaw()
	opts.plan.scope.bind(cmd.Flags())
	opts.bind(cmd)
	return cmd
}

func (o *applyOptions) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&o.autoApprove, "auto-approve", false, "do not ask")
	flags.BoolVar(&o.detach, "detach", false, "return as soon as the supervisor has taken the operation on")
	flags.BoolVar(&o.plan.json, "json", false, "print one JSON event a line; needs --auto-approve")
	flags.BoolVar(&o.plan.compact, "compact", false, "one line per address in the plan")
	flags.BoolVar(&o.plan.verbose, "verbose", false, "also the attributes that stay as they are")
	flags.StringVarP(&o.plan.message, "message", "m", "", "a note that is kept with the revision")
	flags.Int64Var(&o.expect, "expect-revision", -1, "refuse, with exit code 5, unless this revision is the accepted one")
}

func (a *App) runApply(ctx context.Context, args []string, opts applyOptions) error {
	if len(args) > 0 && isPlanFile(args) {
		opts.autoApprove = true // it was looked at before
	} else if len(args) > 1 {
		return fmt.Errorf("cannot apply %s: a directory follows a saved plan only, and %s is none", args[1], args[0])
	}
	return a.applyWish(ctx, opts, func(ctx context.Context) (*wish, error) { return a.applied(ctx, args, opts.plan) })
}

// applied reads what an apply is about: a saved plan, a configuration, or nothing for a
// destroy.
func (a *App) applied(ctx context.Context, args []string, opts planOptions) (*wish, error) {
	if !isPlanFile(args) {
		return a.wanted(ctx, args, opts)
	}
	if options, err := opts.scope.options(); err != nil || !options.IsZero() || len(opts.vars.vars)+len(opts.vars.varFiles) > 0 {
		return nil, errors.Join(errors.New("a saved plan is carried out as it is: give variables, targets and modes to \"snakectl plan --out\""), err)
	}
	f, err := readPlanFile(args[0])
	if err != nil {
		return nil, err
	}
	return savedWish(f, strings.Join(args[1:], ""))
}

// applyWish shows the plan for what read returns, asks, and carries it out.
func (a *App) applyWish(ctx context.Context, opts applyOptions, read func(context.Context) (*wish, error)) error {
	if opts.plan.json && !opts.autoApprove {
		return errors.New("--json needs --auto-approve: there is nobody to ask")
	}
	if !a.StdinTTY && !opts.autoApprove {
		return errors.New("cannot ask for approval: standard input is not a terminal; look at \"snakectl plan\" and add --auto-approve")
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	wanted, plan, started, err := a.prepareApply(ctx, c, read)
	if err != nil {
		return err
	}
	if opts.plan.json {
		err = a.printPlanEvents(plan)
	} else {
		a.showPlan(wanted, plan, opts.plan)
	}
	if err == nil {
		err = wanted.refusal(plan)
	}
	if err != nil {
		return errors.Join(err, a.undoStart(ctx, started, plan))
	}
	if plan.Empty() {
		return nil
	}
	if !opts.autoApprove {
		if err := a.approve(ctx); err != nil {
			return errors.Join(err, a.undoStart(ctx, started, plan))
		}
	}
	return a.carryOut(ctx, c, wanted, plan, opts)
}

// prepareApply loads, starts the supervisor if need be, and plans. An interrupt
// ends it: nothing has changed yet.
func (a *App) prepareApply(
	ctx context.Context, c *client.Client, read func(context.Context) (*wish, error),
) (w *wish, plan *planner.Plan, started bool, err error) {
	ctx, stop := a.interruptible(ctx)
	defer stop()
	if w, err = read(ctx); err != nil {
		return nil, nil, false, err
	}
	if w.saved != nil && w.saved.Plan.Empty() {
		return w, &w.saved.Plan, false, nil
	}
	if started, err = a.ensureSupervisor(ctx, c); err != nil {
		return nil, nil, false, err
	}
	if w.saved != nil {
		return w, &w.saved.Plan, started, nil
	}
	if plan, err = c.Plan(ctx, w.request()); err != nil {
		return nil, nil, started, a.explain(err)
	}
	plan.Git = w.git
	a.warn(ctx, w, plan)
	return w, plan, started, nil
}

// undoStart ends a supervisor that was started for a plan which was then not approved.
// One that has taken up a configuration goes on: its workers serve again.
func (a *App) undoStart(ctx context.Context, started bool, plan *planner.Plan) error {
	if !started {
		return nil
	}
	if plan.BaseRevision > 0 {
		a.say("The supervisor that was started goes on with revision %d; \"snakectl supervisor stop\" ends it.", plan.BaseRevision)
		return nil
	}
	pid, err := a.stopSupervisor(ctx, client.PartingStop, startLimit)
	if err == nil {
		a.say("Stopped the supervisor again (pid %d).", pid)
	}
	return err
}

// approve asks on the terminal. Only yes is yes.
func (a *App) approve(ctx context.Context) error {
	fmt.Fprint(a.Stderr, "\nCarry this out? Only \"yes\" is a yes: ")
	answer := make(chan string, 1)
	go func() { // ends with the answer or with the process
		line, _ := bufio.NewReader(a.Stdin).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		if line == "yes" {
			return nil
		}
		return errors.New("not approved; nothing was changed")
	case <-a.Interrupts:
	case <-ctx.Done():
	}
	fmt.Fprintln(a.Stderr) // end the line of the question
	return &codedError{code: exitInterrupted, err: errors.New("interrupted before the approval; nothing was changed")}
}

// carryOut sends the approved plan and follows the operation to its end.
func (a *App) carryOut(ctx context.Context, c *client.Client, w *wish, plan *planner.Plan, opts applyOptions) error {
	op := &operation{app: a, client: c, detach: opts.detach}
	if opts.plan.json {
		lines := json.NewEncoder(a.Stdout)
		op.show = func(ev client.Event) { _ = lines.Encode(ev) } // a broken pipe does not stop an operation
	} else {
		progress := a.newProgress(addressesOf(plan)...)
		defer progress.close()
		op.progress = progress
		op.show = progress.show
	}
	outcome, err := op.follow(ctx, a.applyRequest(w, plan, opts))
	if op.progress != nil {
		op.progress.close()
	}
	if err != nil || outcome == nil {
		return a.explain(err)
	}
	code := resultExit(outcome.Result)
	if !opts.plan.json {
		a.tellOutcome(ctx, c, w, plan, outcome, op.failures)
	}
	return exitWith(code)
}

// applyRequest asks for what was approved.
func (a *App) applyRequest(w *wish, plan *planner.Plan, opts applyOptions) client.ApplyRequest {
	req := client.ApplyRequest{
		Desired: w.desired(), Options: w.options, Approved: plan, By: a.by(), Message: opts.plan.message, Git: w.git,
	}
	if w.saved != nil && req.Message == "" {
		req.Message = w.saved.Manifest.Message
	}
	if w.back != nil && req.Message == "" {
		req.Message = fmt.Sprintf("rollback to revision %d", w.back.Number)
	}
	if opts.expect >= 0 {
		expected := uint64(opts.expect)
		req.ExpectRevision = &expected
	}
	return req
}

// noConfiguration refuses arguments: destroy ends every pool of the instance,
// whatever a configuration says.
func noConfiguration(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return argsError(fmt.Sprintf("destroy takes no argument, not %q: it ends every pool of the instance; to end one, add --target %s, or take it out of the configuration and run snakectl apply", args[0], args[0]))
}
