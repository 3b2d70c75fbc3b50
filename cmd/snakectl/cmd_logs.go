package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// logsOptions is what `logs` was asked for.
type logsOptions struct {
	lines        int
	since        time.Duration
	follow, list bool
	json         bool
}

func newLogsCommand(a *App) *cobra.Command {
	var opts logsOptions
	cmd := command{
		use:   "logs POOL[/PLACE[@INCARNATION]] [-f] [--tail N] [--since D] | --list",
		short: "Print what workers write to stdout and stderr",
		long: `Print the last lines that the workers of a pool, those of one place, or one
incarnation wrote to their standard output and standard error, those that are gone
included. With -f go on as more is written, also by the next worker of a place.
--list names the incarnations instead, and tells how they ended.`,
		examples: [2]string{"snakectl logs api --since 10m", "snakectl logs api/0 -f --tail 20"},
		args:     cobra.ExactArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runLogs(ctx, args[0], opts) },
	}.cobra(a)
	cmd.Flags().IntVar(&opts.lines, "tail", 100, "how many of the last lines of each place; -1 for all (the default with --since)")
	cmd.Flags().DurationVar(&opts.since, "since", 0, "leave out what is older; lines without a time stay when they may be younger")
	cmd.Flags().BoolVarP(&opts.follow, "follow", "f", false, "go on as more is written")
	cmd.Flags().BoolVar(&opts.list, "list", false, "name the incarnations that have logs")
	cmd.Flags().BoolVar(&opts.json, "json", false, "print JSON")
	cmd.PreRun = func(cmd *cobra.Command, _ []string) {
		if opts.since > 0 && !cmd.Flags().Changed("tail") {
			opts.lines = -1
		}
	}
	return cmd
}

func (a *App) runLogs(ctx context.Context, name string, opts logsOptions) error {
	if opts.lines < -1 || opts.since < 0 {
		return errors.New("--tail must not be less than -1, --since not negative")
	}
	if opts.list && opts.follow {
		return errors.New("--list and --follow exclude each other")
	}
	ref, err := pool.ParseWorkerRef(name)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := c.LogList(ctx, name)
	if err != nil {
		return a.explain(err)
	}
	if opts.list {
		return a.printLogList(list, opts.json)
	}
	printer := &logPrinter{out: a.Stdout, say: a.say, json: opts.json, names: ref.Place < 0 && placesOf(list) > 1}
	err = c.LogLines(ctx, client.LogOptions{
		Worker: name, Lines: opts.lines, FromNow: opts.lines == 0, Since: opts.since, Follow: opts.follow,
	}, printer.print)
	if opts.follow && ctx.Err() != nil {
		return printer.end() // Ctrl-C is how following ends
	}
	if err == nil && !printer.printed && opts.lines != 0 {
		a.say("The workers of %s have written nothing%s.", name, map[bool]string{true: " since then"}[opts.since > 0])
	}
	return a.explain(errors.Join(err, printer.end()))
}

func (a *App) printLogList(list []client.LogInfo, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.Stdout).Encode(list)
	}
	_, err := a.Stdout.Write([]byte(renderLogList(list, time.Now())))
	return err
}
