package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// devRound is one look at the files, and the apply of what changed. It runs in a
// goroutine of its own; troubled may be read after done.
type devRound struct {
	session *devSession
	op      *operation
	// recovers: the round before was in trouble, so it is told when this one is not.
	recovers bool

	// building is set while an environment is built, which is not begun again for each save.
	building atomic.Bool
	// phase is what the build does, as told last.
	phase string

	done     chan struct{}
	troubled bool
}

func (r *devRound) run(ctx context.Context) {
	defer close(r.done)
	err := r.apply(ctx)
	if r.troubled = err != nil; !r.troubled || ctx.Err() != nil {
		return
	}
	if coded, ok := errors.AsType[*codedError](err); !ok || coded.err != nil {
		r.session.app.report(err)
	}
}

// giveUp ends the round soon, since the files have changed again.
func (r *devRound) giveUp(ctx context.Context) {
	if !r.building.Load() {
		r.op.giveUp(ctx)
	}
}

// apply returns an error for whatever keeps the files from being what runs. What it
// has told already has no text.
func (r *devRound) apply(ctx context.Context) error {
	d, a := r.session, r.session.app
	conf, err := a.load(ctx, d.args, d.vars, false)
	if err != nil {
		return err
	}
	if err := a.hasten(conf); err != nil {
		return err
	}
	w := &wish{conf: conf}
	plan, err := d.client.Plan(ctx, w.request())
	if err != nil {
		return a.explain(err)
	}
	if plan.Empty() {
		if plan.BaseRevision > 0 {
			d.logs.follow(ctx, conf.desired.Pools)
		}
		if r.recovers {
			a.say("Nothing differs from revision %d, which runs.", plan.BaseRevision)
		}
		return nil
	}
	fmt.Fprint(a.Stderr, renderRound(plan))
	r.op.show = func(ev client.Event) { r.take(ctx, ev, conf) }
	outcome, err := d.client.Apply(ctx, client.ApplyRequest{
		Desired: w.desired(), Options: w.options, Approved: plan, By: a.by(), Message: "dev",
	}, func(ev client.Event) { r.op.take(ctx, ev) })
	if err != nil {
		return a.explain(err)
	}
	if outcome.Result == pool.ResultInterrupted {
		return nil // for another round
	}
	a.tellOutcome(ctx, d.client, w, plan, outcome, r.op.failures)
	return exitWith(resultExit(outcome.Result))
}

// take shows what is worth to be shown of an operation's course.
func (r *devRound) take(ctx context.Context, ev client.Event, conf *configuration) {
	switch ev.Type {
	case pool.EventStepProgress, pool.EventStepOK:
		r.session.logs.follow(ctx, conf.desired.Pools)
	case pool.EventRuntimeBuilding:
		r.building.Store(true)
		if phase := textOf(ev.Data, "phase"); phase != r.phase {
			r.phase = phase
			r.session.app.say("%s", progressLine(ev.Addr, buildProgress(ev), progressWidth(nil)))
		}
	case pool.EventRuntimeReady, pool.EventRuntimeFailed:
		r.building.Store(false)
	}
}

// hasten has a roll wait for nothing that a person would have to wait for.
func (a *App) hasten(conf *configuration) error {
	live := false
	for i := range conf.desired.Pools {
		p := &conf.desired.Pools[i]
		p.Update.MinHealthyTime = 0
		p.Update.Surge, p.Update.MaxParallel, p.Update.Canary = pool.Share(-100), 0, 0 // all places at one time
		p.Update.AutoPromote = false
		if p.CodeMode == pool.CodeLive {
			p.CodeMode, live = pool.CodeSnapshot, true
		}
	}
	if !live {
		return nil
	}
	diags := scanCode(conf)
	a.tellDiagnostics(diags)
	if diags.HasErrors() {
		return exitWith(exitError)
	}
	return nil
}

// renderRound returns a line for each address of a plan: what happens, and which files
// are the cause.
func renderRound(plan *planner.Plan) string {
	addresses := addressesOf(plan)
	var b strings.Builder
	for i := range plan.Changes {
		c := &plan.Changes[i]
		text := words(*c)
		names := make([]string, 0, len(c.Files))
		for _, f := range c.Files {
			names = append(names, printable(f.Path))
		}
		const listed = 3
		if more := len(names) - listed; more > 0 {
			names = append(names[:listed:listed], count(more, "more file"))
		}
		if len(names) > 0 {
			text = strings.TrimSuffix(text, ")") + ": " + strings.Join(names, ", ") + ")"
		}
		b.WriteString(progressLine(c.Address, text, progressWidth(addresses)) + "\n")
	}
	return b.String()
}
