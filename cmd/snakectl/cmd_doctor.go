package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func newDoctorCommand(a *App) *cobra.Command {
	var asJSON bool
	cmd := command{
		use:   "doctor [--json]",
		short: "Look for what is wrong with the instance",
		long: `Check the instance's directory, state, sockets, supervisor, interpreters, pools, disk
space and limits, and say for each finding how to mend it. The exit code is 1 when
a check fails; a warning does not change it. Nothing is changed.`,
		examples: [2]string{"snakectl doctor", "snakectl doctor --json"},
		args:     cobra.NoArgs,
		run:      func(ctx context.Context, _ []string) error { return a.runDoctor(ctx, asJSON) },
	}.cobra(a)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *App) runDoctor(ctx context.Context, asJSON bool) error {
	dir, err := a.instanceDir()
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	findings := a.examine(ctx, c, dir)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if asJSON {
		if err := writeJSON(a.Stdout, map[string]any{"findings": findings}, a.StdoutTTY); err != nil {
			return err
		}
	} else {
		fmt.Fprint(a.Stdout, renderFindings(findings))
	}
	if slices.ContainsFunc(findings, func(f finding) bool { return f.Verdict == verdictFail }) {
		return exitWith(exitError)
	}
	return nil
}

// renderFindings returns one line for each check, and one more for how to mend it.
func renderFindings(findings []finding) string {
	var b strings.Builder
	counts := map[verdict]int{}
	for _, f := range findings {
		counts[f.Verdict]++
		fmt.Fprintf(&b, "%-4s  %-11s  %s\n", f.Verdict, f.Check, f.Found)
		if f.Mend != "" {
			fmt.Fprintf(&b, "%19smend: %s\n", "", f.Mend)
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d warnings, %d failed\n", counts[verdictOK], counts[verdictWarn], counts[verdictFail])
	return b.String()
}
