package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/pool"
)

// newAdapterFiles are what `snakectl new adapter` writes.
var newAdapterFiles = []scaffoldFile{
	{"pools.hcl", "scaffold/new/pools.hcl"},
	{"adapter.py", "scaffold/new/adapter.py"},
	{"test_adapter.py", "scaffold/new/test_adapter.py"},
	{".gitignore", "scaffold/gitignore"},
}

func newNewCommand(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:                   "new",
		Short:                 "Write the beginning of an adapter",
		Long:                  "Write files to start from. See the command below.",
		Example:               examples("snakectl new adapter shop", "snakectl new adapter --help"),
		Args:                  unknownCommand,
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(command{
		use:   "adapter NAME",
		short: "Write an adapter with its tests and its pool",
		long: `Write adapter.py, test_adapter.py, pools.hcl and .gitignore into a new directory NAME: an
adapter with state, checked arguments and progress, tests that call it without a
supervisor, and a pool of that name. A file that exists is never overwritten: then
nothing is written and the exit code is 1.`,
		examples: [2]string{"snakectl new adapter shop", "snakectl new adapter word-count"},
		args:     cobra.ExactArgs(1),
		run:      func(_ context.Context, args []string) error { return a.runNewAdapter(args[0]) },
	}.cobra(a))
	return cmd
}

func (a *App) runNewAdapter(name string) error {
	if !pool.ValidLabel(name) {
		return fmt.Errorf("cannot name an adapter %q: a name is a letter, then letters, digits, \"_\" and \"-\"", name)
	}
	if err := a.writeScaffold(name, newAdapterFiles, name); err != nil {
		return err
	}
	a.say("Next: snakectl plan %s; in %[1]s, with the package snakepit installed: python3 -m unittest", name)
	return nil
}
