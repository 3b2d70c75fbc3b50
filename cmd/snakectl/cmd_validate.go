package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/spec"
)

// validationReport is what validate --json prints.
type validationReport struct {
	Valid       bool             `json:"valid"`
	Errors      int              `json:"error_count"`
	Warnings    int              `json:"warning_count"`
	Diagnostics spec.Diagnostics `json:"diagnostics"`
	// Variables are listed with --show-vars, when the configuration is valid.
	Variables []spec.Variable `json:"variables,omitempty"`
}

// validation counts diagnostics.
func validation(diags spec.Diagnostics) validationReport {
	report := validationReport{Valid: !diags.HasErrors(), Diagnostics: diags}
	if diags == nil {
		report.Diagnostics = spec.Diagnostics{}
	}
	for i := range diags {
		if diags[i].Severity == spec.SeverityError {
			report.Errors++
		} else {
			report.Warnings++
		}
	}
	return report
}

func newValidateCommand(a *App) *cobra.Command {
	var vars varOptions
	var asJSON, showVars bool
	cmd := command{
		use:   "validate [DIR|FILE] [--var NAME=VALUE] [--show-vars] [--json]",
		short: "Check a configuration without looking at anything that runs",
		long: `Read the configuration of a directory or one file and report every error in it at
once, with its file and line. No supervisor, interpreter or adapter is touched. --show-vars lists
the variables with their values and where each came from; sensitive ones stay hidden.`,
		examples: [2]string{"snakectl validate", "snakectl validate pools.hcl --json"},
		args:     cobra.MaximumNArgs(1),
		run: func(ctx context.Context, args []string) error {
			return a.runValidate(ctx, args, vars, showVars, asJSON)
		},
	}.cobra(a)
	vars.bind(cmd)
	cmd.Flags().BoolVar(&showVars, "show-vars", false, "also list the variables, their values and where they came from")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *App) runValidate(ctx context.Context, args []string, vars varOptions, showVars, asJSON bool) error {
	config, diags := a.evaluate(ctx, args, vars)
	report := validation(diags)
	if showVars && report.Valid {
		report.Variables = config.Variables
	}
	if asJSON {
		if err := writeJSON(a.Stdout, report, a.StdoutTTY); err != nil {
			return err
		}
	} else {
		a.tellDiagnostics(diags)
	}
	if !report.Valid {
		return exitWith(exitError)
	}
	if !asJSON {
		fmt.Fprint(a.Stdout, renderVariables(report.Variables))
		conf := configuration{config: config, desired: config.Desired}
		fmt.Fprintf(a.Stdout, "%s. The configuration is valid.\n", conf.title())
	}
	return nil
}
