package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// showOptions are the flags of `snakectl show`.
type showOptions struct {
	plan   planOptions
	format string
}

// The formats of `snakectl show`.
const (
	formatText     = "text"
	formatMarkdown = "markdown"
)

func newShowCommand(a *App) *cobra.Command {
	var opts showOptions
	cmd := command{
		use:   "show [PLANFILE|REVISION] [--format=markdown] [--json] [--compact] [--verbose]",
		short: "Print a saved plan or a revision",
		long: `Print a plan that "plan --out" saved, as plan printed it: as text, as JSON or as
markdown that is fit for a comment on a pull request. Or print a revision, the accepted
one if nothing is named: who applied it and what it changed; --json has all of it.`,
		examples: [2]string{"snakectl show 3", "snakectl show more.plan --format=markdown"},
		args:     cobra.MaximumNArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runShow(ctx, args, opts) },
	}.cobra(a)
	flags := cmd.Flags()
	flags.StringVar(&opts.format, "format", formatText, "text or markdown")
	flags.BoolVar(&opts.plan.json, "json", false, "print JSON")
	flags.BoolVar(&opts.plan.compact, "compact", false, "one line per address")
	flags.BoolVar(&opts.plan.verbose, "verbose", false, "also long values and file lists in full")
	return cmd
}

func (a *App) runShow(ctx context.Context, args []string, opts showOptions) error {
	if opts.format != formatText && opts.format != formatMarkdown {
		return fmt.Errorf("--format is %s or %s, not %q", formatText, formatMarkdown, opts.format)
	}
	if len(args) > 0 {
		if _, err := strconv.ParseUint(args[0], 10, 64); err != nil || isPlanFile(args) {
			return a.showSaved(args[0], opts)
		}
	}
	if opts.format == formatMarkdown {
		return errors.New("markdown is for saved plans: make one with \"snakectl plan --out=FILE\"")
	}
	return a.showRevision(ctx, args, opts)
}

// showRevision prints a revision with what it changed.
func (a *App) showRevision(ctx context.Context, args []string, opts showOptions) error {
	heads, err := a.history(ctx, 0)
	if err != nil {
		return a.explain(err)
	}
	if len(heads) == 0 {
		return errors.New("nothing was applied yet")
	}
	number := heads[0].Number
	if len(args) > 0 {
		if number, err = parseRevision(args[0]); err != nil {
			return err
		}
	}
	rev, err := a.revision(ctx, number)
	if err != nil {
		return err
	}
	if opts.plan.json {
		return writeJSON(a.Stdout, rev, a.StdoutTTY)
	}
	var before *pool.Revision
	if i := slices.IndexFunc(heads, func(h pool.RevisionHead) bool { return h.Number < number }); i >= 0 && number > 1 {
		if before, err = a.revision(ctx, heads[i].Number); err != nil {
			return err
		}
	}
	fmt.Fprint(a.Stdout, renderRevision(rev, before, a.viewOptions("", opts.plan)))
	return nil
}

func (a *App) showSaved(path string, opts showOptions) error {
	f, err := readPlanFile(path)
	if err != nil {
		return err
	}
	header := planHeader(f.Manifest.Title, &f.Plan)
	switch {
	case opts.plan.json:
		fmt.Fprintf(a.Stdout, "%s\n", planner.Encode(f.Plan))
	case opts.format == formatMarkdown:
		fmt.Fprint(a.Stdout, renderMarkdown(f.Plan, header, f.Manifest.Message))
	default:
		fmt.Fprint(a.Stdout, renderPlan(f.Plan, a.viewOptions(header, opts.plan)))
	}
	return nil
}
