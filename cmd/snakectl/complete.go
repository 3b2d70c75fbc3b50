package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
)

// completeWithin is how long a shell waits for the words that could come next.
const completeWithin = 2 * time.Second

// completeAddresses lets the commands that take one pool complete the names of those
// that run.
func (a *App) completeAddresses(root *cobra.Command) {
	takesPool := map[string]bool{
		"commands": true, "status": true, "wait": true, "scale": true, "recycle": true, "pause": true,
		"resume": true, "logs": true, "stack": true, "inspect": true, "compat": true,
	}
	for _, cmd := range root.Commands() {
		if takesPool[cmd.Name()] {
			cmd.ValidArgsFunction = a.completePool
		}
	}
}

// completePool completes the first word as the name of a pool.
func (a *App) completePool(cmd *cobra.Command, words []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(words) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.ask(cmd.Context(), poolNames)
}

// completeExec completes the words of exec: a pool or a command of the default pool,
// then a command of the pool. Arguments may be files, behind an @.
func (a *App) completeExec(cmd *cobra.Command, words []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch len(words) {
	case 0:
		return a.ask(cmd.Context(), func(ctx context.Context, c *client.Client) []string {
			return append(commandNames(ctx, c, ""), poolNames(ctx, c)...)
		})
	case 1:
		return a.ask(cmd.Context(), func(ctx context.Context, c *client.Client) []string {
			return commandNames(ctx, c, words[0])
		})
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// ask returns what a supervisor that runs can tell in a moment; completing never
// starts one, and an error completes nothing.
func (a *App) ask(ctx context.Context, question func(context.Context, *client.Client) []string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()
	c, err := a.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer c.Close()
	return question(ctx, c), cobra.ShellCompDirectiveNoFileComp
}

// typed turns an address into what is easier to type: pool.etl["eu"] into etl.eu.
var typed = strings.NewReplacer("pool.", "", `["`, ".", `"]`, "")

// poolNames returns the names of the pools as one types them.
func poolNames(ctx context.Context, c *client.Client) []string {
	status, err := c.Status(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for i := range status.Pools {
		names = append(names, typed.Replace(status.Pools[i].Address)+"\tpool")
	}
	return names
}

// commandNames returns the commands of a pool, each with what a shell shows beside it.
func commandNames(ctx context.Context, c *client.Client, name string) []string {
	commands, err := c.Commands(ctx, name)
	if err != nil {
		return nil
	}
	var names []string
	for _, command := range commands {
		names = append(names, command.Name+"\t"+command.Signature)
	}
	return names
}
