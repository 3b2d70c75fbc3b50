package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/pool"
)

func newStatusCommand(a *App) *cobra.Command {
	var asJSON, watch bool
	cmd := command{
		use:   "status [POOL] [--json] [--watch]",
		also:  []string{"list", "ls", "ps", "show", "top"},
		short: "Show the pools and their workers",
		long: `Show every pool with its size, its ready and busy workers, the queue and the calls
it has answered. With POOL also show each of its workers. --json prints all of it; --watch
draws it again twice a second until you leave with Ctrl-C.`,
		examples: [2]string{"snakectl status api --watch", "snakectl status --json"},
		args:     cobra.MaximumNArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runStatus(ctx, args, asJSON, watch) },
	}.cobra(a)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&watch, "watch", false, "draw it again and again on a terminal")
	return cmd
}

// poolAddresses returns the addresses of the pools that the words of a command line
// name.
func poolAddresses(words []string) ([]string, error) {
	var addrs []string
	for _, word := range words {
		addr, err := pool.ParseAddress(word)
		if err != nil {
			return nil, err
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

func (a *App) runStatus(ctx context.Context, args []string, asJSON, watch bool) error {
	if watch && (asJSON || !a.StdoutTTY) {
		return errWatchNeedsTerminal
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
	if watch {
		return a.watchStatus(ctx, c, addrs)
	}
	var status *pool.Status
	err = settled(func() error {
		status, err = c.Status(ctx, addrs...)
		return err
	})
	if err != nil {
		return a.explain(err)
	}
	if asJSON {
		return writeJSON(a.Stdout, status, a.StdoutTTY)
	}
	fmt.Fprint(a.Stdout, renderStatus(status, len(addrs) > 0, time.Now()))
	return nil
}
