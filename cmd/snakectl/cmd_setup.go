package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/runtime"
)

func newSetupCommand(a *App) *cobra.Command {
	var vars varOptions
	cmd := command{
		use:   "setup [DIR|FILE] [--var NAME=VALUE]",
		short: "Build the declared Python environments without applying",
		long: `Find the interpreters of a configuration and build the environments of its runtimes,
so that an apply finds them built. No supervisor is needed and no pool is touched. An
environment that is built already is left as it is.`,
		examples: [2]string{"snakectl setup", "snakectl setup pools.hcl"},
		args:     cobra.MaximumNArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runSetup(ctx, args, vars) },
	}.cobra(a)
	vars.bind(cmd)
	return cmd
}

func (a *App) runSetup(ctx context.Context, args []string, vars varOptions) error {
	conf, err := a.load(ctx, args, vars, false)
	if err != nil {
		return err
	}
	dir, err := a.instanceDir()
	if err != nil {
		return err
	}
	names := sortedKeys(conf.desired.Runtimes)
	progress := a.newProgress(names...)
	defer progress.close()
	failed := map[string]error{}
	for _, name := range names {
		rt := conf.desired.Runtimes[name]
		if rt.Environment == nil {
			progress.note(fmt.Sprintf("%s: Python %s, %s; no packages to install", name, rt.Python(), rt.Interpreter))
			continue
		}
		if err := setUp(ctx, environmentsOf(dir), rt, progress); err != nil {
			failed[name] = err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	progress.close()
	for _, name := range sortedKeys(failed) {
		data := map[string]any{"error": runtimeFailure(failed[name])}
		snippet := (&wish{conf: conf}).runtimeSnippet(name)
		fmt.Fprint(a.Stderr, "\n"+a.errorWord()+renderRuntimeFailure(pool.Event{Addr: name, Data: data}, snippet))
	}
	if len(failed) > 0 {
		return exitWith(exitError)
	}
	fmt.Fprintln(a.Stdout, "Every environment is built.")
	return nil
}

// setUp builds the environment of one runtime and shows it.
func setUp(ctx context.Context, store runtime.Store, rt pool.Runtime, progress *progress) error {
	begun := time.Now()
	tell := func(kind string, data map[string]any) {
		progress.show(pool.Event{Type: kind, Addr: rt.Name, Data: data})
	}
	built, err := store.Build(ctx, rt, func(p runtime.Progress) {
		tell(pool.EventRuntimeBuilding, map[string]any{"phase": string(p.Phase), "done": p.Done, "total": p.Total, "package": p.Package})
	})
	if err != nil {
		tell(pool.EventRuntimeFailed, nil)
		return err
	}
	tell(pool.EventRuntimeReady, map[string]any{"built": built, "ms": time.Since(begun).Milliseconds()})
	return nil
}

// runtimeFailure returns the error of a build in the form that events have.
func runtimeFailure(err error) *pool.CallError {
	failure := pool.NewCallError(pool.CategoryUnavailable, "%s", err.Error())
	if said, ok := errors.AsType[*runtime.InstallError](err); ok {
		failure.Message, failure.Stderr, failure.Hint = said.Summary(), said.Output, said.Hint
	}
	return failure
}
