package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"
)

// inspectOptions are the flags of inspect.
type inspectOptions struct {
	detailed, json, recommend bool
	window                    time.Duration
}

func newInspectCommand(a *App) *cobra.Command {
	var opts inspectOptions
	cmd := command{
		use:   "inspect [POOL] [--detailed] [--recommend] [--window D] [--json]",
		short: "Measure how the running pools are used",
		long: `Look at the running pools for a while and print their capacity, load, utilization
and memory. --detailed adds the workers and how near they are to being recycled,
--recommend what to do about it, each with the measurement that it comes from.`,
		examples: [2]string{"snakectl inspect", "snakectl inspect api --recommend --window 10s"},
		args:     cobra.MaximumNArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runInspect(ctx, args, opts) },
	}.cobra(a)
	cmd.Flags().BoolVar(&opts.detailed, "detailed", false, "show the workers too")
	cmd.Flags().BoolVar(&opts.json, "json", false, "print JSON")
	cmd.Flags().BoolVar(&opts.recommend, "recommend", false, "say what to do about it")
	cmd.Flags().DurationVar(&opts.window, "window", time.Second, "how long to look")
	return cmd
}

func (a *App) runInspect(ctx context.Context, args []string, opts inspectOptions) error {
	if opts.window <= 0 {
		return errors.New("--window must be positive")
	}
	addrs, err := poolAddresses(args)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	all, err := measure(ctx, c, addrs, opts.window)
	if err != nil {
		return a.explain(err)
	}
	unfit := map[string][]recommendation{}
	if opts.recommend {
		unfit = a.libraryAdvice(ctx)
	}
	for i := range all {
		if opts.recommend {
			all[i].Advice = append(advise(&all[i], runtime.NumCPU()), unfit[all[i].Address]...)
		}
		if !opts.detailed {
			all[i].Workers = nil
		}
	}
	if opts.json {
		return writeJSON(a.Stdout, map[string]any{"pools": all}, a.StdoutTTY)
	}
	fmt.Fprint(a.Stdout, renderInspection(all, opts.detailed, opts.recommend, time.Now()))
	return nil
}
