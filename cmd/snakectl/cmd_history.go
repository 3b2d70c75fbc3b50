package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

// historyOptions are the flags of `snakectl history`.
type historyOptions struct {
	json  bool
	limit int
}

func newHistoryCommand(a *App) *cobra.Command {
	var opts historyOptions
	cmd := command{
		use:   "history [--limit N] [--json]",
		also:  []string{"log", "revisions"},
		short: "List what was applied",
		long: `List the kept revisions, newest first: what became of each, who applied it and when,
which addresses it changed and which git commit it was read from. settings.history_keep
says how many are kept. Without a supervisor the state is read.`,
		examples: [2]string{"snakectl history", "snakectl history --limit 5 --json"},
		args:     cobra.NoArgs,
		run:      func(ctx context.Context, _ []string) error { return a.runHistory(ctx, opts) },
	}.cobra(a)
	cmd.Flags().BoolVar(&opts.json, "json", false, "print JSON")
	cmd.Flags().IntVar(&opts.limit, "limit", 0, "how many to list; 0 for all")
	return cmd
}

func (a *App) runHistory(ctx context.Context, opts historyOptions) error {
	if opts.limit < 0 {
		return fmt.Errorf("--limit must not be negative, and is %d", opts.limit)
	}
	heads, err := a.history(ctx, opts.limit)
	if err != nil {
		return a.explain(err)
	}
	if opts.json {
		return writeJSON(a.Stdout, heads, a.StdoutTTY)
	}
	fmt.Fprint(a.Stdout, renderHistory(heads))
	return nil
}

// history asks the supervisor for the revisions, or reads the state when none runs.
func (a *App) history(ctx context.Context, limit int) (heads []pool.RevisionHead, err error) {
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	err = settled(func() error {
		heads, err = c.History(ctx, limit)
		return err
	})
	if !errors.Is(err, client.ErrNoSupervisor) {
		return heads, err
	}
	dir, err := a.instanceDir()
	if err != nil {
		return nil, err
	}
	heads, err = state.ReadHeads(dir)
	if limit > 0 && limit < len(heads) {
		heads = heads[:limit]
	}
	if heads == nil {
		heads = []pool.RevisionHead{}
	}
	return heads, err
}

// revision asks for one revision in the same way.
func (a *App) revision(ctx context.Context, number uint64) (rev *pool.Revision, err error) {
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	err = settled(func() error {
		rev, err = c.Revision(ctx, number)
		return err
	})
	if !errors.Is(err, client.ErrNoSupervisor) {
		return rev, a.explain(err)
	}
	dir, err := a.instanceDir()
	if err != nil {
		return nil, err
	}
	read, err := state.ReadRevision(dir, number)
	if errors.Is(err, state.ErrNotFound) {
		return nil, fmt.Errorf("revision %d is not kept; see which are with: snakectl history", number)
	}
	return &read, err
}
