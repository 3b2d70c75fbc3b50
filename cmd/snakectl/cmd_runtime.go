package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/runtime"
	"github.com/snakectl/snakectl/internal/state"
)

// environmentsOf returns the environments of an instance.
func environmentsOf(dir string) runtime.Store {
	return runtime.Store{Dir: filepath.Join(dir, "runtimes")}
}

// newRuntimeCommand returns `snakectl runtime` and its commands.
func newRuntimeCommand(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runtime",
		Short: "List or remove built Python environments",
		Long: `An environment is what the packages of a runtime were installed into. apply and
setup build them; each is kept under a name that stands for its content, so that
the same packages for the same Python are built once.`,
		Example: examples("snakectl runtime ls", "snakectl runtime gc --dry-run"),
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(newRuntimeList(a), newRuntimeGC(a), newRuntimeBuild(a))
	return cmd
}

func newRuntimeList(a *App) *cobra.Command {
	var asJSON bool
	cmd := command{
		use:   "ls [--json]",
		short: "List the built environments",
		long: `List the environments of the instance: for which Python, how many packages, by which
installer, and whether a kept revision or a worker needs them.`,
		examples: [2]string{"snakectl runtime ls", "snakectl runtime ls --json"},
		args:     cobra.NoArgs,
		run:      func(_ context.Context, _ []string) error { return a.runRuntimeList(asJSON) },
	}.cobra(a)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *App) runRuntimeList(asJSON bool) error {
	store, named, err := a.environments()
	if err != nil {
		return err
	}
	built, err := store.List()
	if err != nil {
		return err
	}
	list := []listedEnvironment{}
	for _, b := range built {
		list = append(list, listedEnvironment{Built: b, InUse: named[b.Key] || store.InUse(b.Key)})
	}
	if asJSON {
		return writeJSON(a.Stdout, list, a.StdoutTTY)
	}
	if len(list) == 0 {
		fmt.Fprintln(a.Stdout, "No environments are built.")
		return nil
	}
	fmt.Fprint(a.Stdout, renderEnvironments(list, time.Now()))
	return nil
}

func newRuntimeGC(a *App) *cobra.Command {
	var dry, asJSON bool
	cmd := command{
		use:   "gc [--dry-run] [--json]",
		short: "Remove environments that nothing needs",
		long: `Remove the environments that neither a kept revision nor a worker needs, and what a
build that was killed has left. With --dry-run only say which.`,
		examples: [2]string{"snakectl runtime gc", "snakectl runtime gc --dry-run"},
		args:     cobra.NoArgs,
		run:      func(_ context.Context, _ []string) error { return a.runRuntimeGC(dry, asJSON) },
	}.cobra(a)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "remove nothing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *App) runRuntimeGC(dry, asJSON bool) error {
	store, named, err := a.environments()
	if err != nil {
		return err
	}
	gone, err := store.GC(named, dry)
	if asJSON {
		if gone == nil {
			gone = []runtime.Built{}
		}
		return errors.Join(err, writeJSON(a.Stdout, gone, a.StdoutTTY))
	}
	did := "Removed"
	if dry {
		did = "Would remove"
	}
	for _, b := range gone {
		fmt.Fprintf(a.Stdout, "%s %s (%s, Python %s, %s)\n", did, runtime.Short(b.Key), b.Name, b.Version, count(len(b.Packages), "package"))
	}
	if len(gone) == 0 && err == nil {
		fmt.Fprintln(a.Stdout, "Nothing to remove: every environment is needed.")
	}
	return err
}

// environments returns the instance's environments, and the keys of those that the state
// names: while a supervisor runs it holds them, too.
func (a *App) environments() (runtime.Store, map[string]bool, error) {
	dir, err := a.instanceDir()
	if err != nil {
		return runtime.Store{}, nil, err
	}
	view, err := state.ReadNamed(dir)
	if err != nil {
		return runtime.Store{}, nil, fmt.Errorf("cannot tell which environments are needed: %w", err)
	}
	if view.Notice != "" && view.Named == nil {
		return runtime.Store{}, nil, fmt.Errorf("cannot tell which environments are needed: %s", view.Notice)
	}
	return environmentsOf(dir), view.Named, nil
}

// newRuntimeBuild returns the command that a supervisor builds an environment with. It is
// of no use to people.
func newRuntimeBuild(a *App) *cobra.Command {
	cmd := command{
		use:      "build DIR",
		short:    "Build the environment that standard input describes",
		long:     "Build the environment that standard input describes. A supervisor runs this; use setup instead.",
		examples: [2]string{"snakectl setup", "snakectl setup pools.hcl"},
		args:     cobra.ExactArgs(1),
		run: func(ctx context.Context, args []string) error {
			return runtime.Store{Dir: args[0]}.ServeBuild(ctx, os.Stdin, os.Stdout)
		},
	}.cobra(a)
	cmd.Hidden = true
	return cmd
}
