package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

func newCommandsCommand(a *App) *cobra.Command {
	var asJSON, asSchema bool
	cmd := command{
		use:   "commands [POOL] [--json|--schema]",
		short: "List the commands of a pool's adapter",
		long: `Print what can be called in a pool, the default one without POOL: each command with its
parameters and the first paragraph of its doc string. --schema prints the JSON Schema of
the arguments and results instead, made of the annotations that calls are checked against.
The workers told all of it when they started: none is asked now.`,
		examples: [2]string{"snakectl commands api", "snakectl commands api --schema"},
		args:     cobra.MaximumNArgs(1),
		run: func(ctx context.Context, args []string) error {
			return a.runCommands(ctx, strings.Join(args, ""), asJSON, asSchema)
		},
	}.cobra(a)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON list, schemas included")
	cmd.Flags().BoolVar(&asSchema, "schema", false, "print one JSON object: COMMAND to the schemas of its arguments and result")
	return cmd
}

func (a *App) runCommands(ctx context.Context, name string, asJSON, asSchema bool) error {
	if asJSON && asSchema {
		return errors.New("choose one of --json and --schema: --json holds the schemas, too")
	}
	if name != "" {
		addr, err := pool.ParseAddress(name)
		if err != nil {
			return err
		}
		name = addr
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	commands, err := c.Commands(ctx, name)
	if refused, ok := errors.AsType[*client.Error](err); ok {
		return a.execFailed(refused, asJSON)
	}
	if err != nil {
		return a.explain(err)
	}
	if len(commands) == 0 {
		return fmt.Errorf("no worker of %s has told of its commands yet: see \"snakectl status %[1]s\"", poolWords(name))
	}
	switch {
	case asJSON:
		return writeJSON(a.Stdout, commands, a.StdoutTTY)
	case asSchema:
		schemas, err := schemasOf(commands)
		if err != nil {
			return err
		}
		return writeJSON(a.Stdout, schemas, a.StdoutTTY)
	}
	fmt.Fprint(a.Stdout, renderCommands(commands))
	return nil
}

func poolWords(addr string) string {
	if addr == "" {
		return "the default pool"
	}
	return addr
}

// schemasOf returns the schemas of each command by its name.
func schemasOf(commands []pool.CommandInfo) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for _, c := range commands {
		if len(c.Schema) == 0 {
			return nil, fmt.Errorf("the adapter has so many commands, %d, that their schemas are not announced: "+
				"\"python3 -m snakepit ADAPTER commands --schema\" prints them", len(commands))
		}
		out[c.Name] = c.Schema
	}
	return out, nil
}

// renderCommands returns commands as text: signature, and doc below it.
func renderCommands(commands []pool.CommandInfo) string {
	var b strings.Builder
	for _, c := range commands {
		b.WriteString(c.Name + c.Signature + "\n" + indent(c.Doc, "    "))
	}
	return b.String()
}
