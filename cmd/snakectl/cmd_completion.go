package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCompletionCommand(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the completion script of a shell",
		Long: `Print the script that completes commands and flags in a shell. Put it where the
shell looks for completions, or evaluate it in the shell's start file.`,
		Example:               examples("snakectl completion bash > ~/.local/share/bash-completion/completions/snakectl", "source <(snakectl completion zsh)"),
		Args:                  describeArgs(cobra.ExactArgs(1)),
		ValidArgs:             []string{"bash", "zsh", "fish"},
		DisableFlagsInUseLine: true,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		root := cmd.Root()
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(a.Stdout, true)
		case "zsh":
			return root.GenZshCompletion(a.Stdout)
		case "fish":
			return root.GenFishCompletion(a.Stdout, true)
		}
		return fmt.Errorf("no completion for %q: choose bash, zsh or fish", args[0])
	}
	return cmd
}
