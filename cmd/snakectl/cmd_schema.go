package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/spec"
)

func newSchemaCommand(a *App) *cobra.Command {
	return command{
		use:   "schema",
		short: "Print the JSON Schema of configurations in JSON",
		long: `Print the JSON Schema (draft 2020-12) of *.hcl.json files, for editors and for
programs that write configurations. It has every block and attribute with its type,
bounds, default and description. What needs the machine or other blocks to be judged,
validate checks.`,
		examples: [2]string{"snakectl schema", "snakectl schema > snakectl.schema.json"},
		args:     cobra.NoArgs,
		run: func(context.Context, []string) error {
			_, err := a.Stdout.Write(spec.JSONSchema())
			return err
		},
	}.cobra(a)
}
