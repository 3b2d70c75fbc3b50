package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/event"
)

func newEventsCommand(a *App) *cobra.Command {
	var opts client.EventOptions
	cmd := command{
		use:   "events [--follow] [--since D] [--filter TERM]",
		short: "Print what happened, one JSON object a line",
		long: `Print what happened to workers, pools and operations lately, one JSON object a
line; with --follow go on as more happens, events of calls included, which are not
remembered. A TERM is the beginning of a type (worker., pool.ready) or pool=POOL.`,
		examples: [2]string{"snakectl events --since 10m --filter worker.crashed", "snakectl events --follow --filter request. --filter pool=api"},
		args:     cobra.NoArgs,
		run:      func(ctx context.Context, _ []string) error { return a.runEvents(ctx, opts) },
	}.cobra(a)
	cmd.Flags().BoolVarP(&opts.Follow, "follow", "f", false, "go on as more happens")
	cmd.Flags().DurationVar(&opts.Since, "since", 0, "begin that long ago (everything that is remembered, with --follow now)")
	cmd.Flags().StringArrayVar(&opts.Filter, "filter", nil, "beginning of a type, or pool=POOL; may be repeated")
	return cmd
}

func (a *App) runEvents(ctx context.Context, opts client.EventOptions) error {
	if opts.Since < 0 {
		return errors.New("--since must not be negative")
	}
	if _, err := event.ParseFilter(opts.Filter); err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	out := json.NewEncoder(a.Stdout)
	err = c.Events(ctx, opts, func(r client.EventRecord) error { return out.Encode(r) })
	if opts.Follow {
		if ctx.Err() != nil {
			return nil // Ctrl-C is how following ends
		}
		if err == nil {
			a.say("The supervisor ended.")
		}
	}
	return a.explain(err)
}
