package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/planner"
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
		use:   "show PLANFILE [--format=markdown] [--json] [--compact] [--verbose]",
		short: "Print a saved plan",
		long: `Print a plan that "plan --out" saved, as plan printed it: as text, as JSON or as
markdown that is fit for a comment on a pull request. No supervisor is asked.`,
		examples: [2]string{"snakectl show more.plan", "snakectl show more.plan --format=markdown"},
		args:     cobra.ExactArgs(1),
		run:      func(_ context.Context, args []string) error { return a.runShow(args[0], opts) },
	}.cobra(a)
	flags := cmd.Flags()
	flags.StringVar(&opts.format, "format", formatText, "text or markdown")
	flags.BoolVar(&opts.plan.json, "json", false, "print JSON")
	flags.BoolVar(&opts.plan.compact, "compact", false, "one line per address")
	flags.BoolVar(&opts.plan.verbose, "verbose", false, "also long values and file lists in full")
	return cmd
}

func (a *App) runShow(path string, opts showOptions) error {
	if opts.format != formatText && opts.format != formatMarkdown {
		return fmt.Errorf("--format is %s or %s, not %q", formatText, formatMarkdown, opts.format)
	}
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
