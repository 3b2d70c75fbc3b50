package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

func newLogsCommand(a *App) *cobra.Command {
	var lines int
	var follow bool
	cmd := command{
		use:   "logs POOL[/PLACE] [-f] [--lines N]",
		short: "Print what workers write to stdout and stderr",
		long: `Print the last lines that the workers of a pool, or the one in a place, wrote to
their standard output and standard error. With -f go on as they write more.`,
		examples: [2]string{"snakectl logs api", "snakectl logs api/0 -f --lines 20"},
		args:     cobra.ExactArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runLogs(ctx, args[0], lines, follow) },
	}.cobra(a)
	cmd.Flags().IntVar(&lines, "lines", 100, "how many lines to begin with")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on as more is written")
	return cmd
}

func (a *App) runLogs(ctx context.Context, name string, lines int, follow bool) error {
	if lines < 0 {
		return errors.New("--lines must not be negative")
	}
	if _, err := pool.ParseWorkerRef(name); err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	out := &counted{Writer: a.Stdout}
	err = c.Logs(ctx, client.LogOptions{Worker: name, Lines: lines, Follow: follow}, out)
	if follow && ctx.Err() != nil {
		return nil // Ctrl-C is how following ends
	}
	if err == nil && out.bytes == 0 && lines > 0 {
		a.say("The workers of %s have written nothing.", name)
	}
	return a.explain(err)
}

// counted counts what is written through it.
type counted struct {
	io.Writer
	bytes int
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.bytes += n
	return n, err
}
