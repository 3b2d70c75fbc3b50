package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

const rootHelp = `snakectl runs pools of Python workers that are declared in HCL files. plan says
exactly what would change, apply changes it without dropping a call, and exec
runs a command on a worker. A supervisor in the background holds the workers.`

// newRootCommand returns the whole command tree.
func newRootCommand(a *App) *cobra.Command {
	root := &cobra.Command{
		Use:           "snakectl",
		Short:         "Declare, plan and run pools of Python workers",
		Long:          rootHelp,
		Example:       examples("snakectl plan", "snakectl exec api hello '{\"name\":\"Ada\"}'"),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.SuggestionsMinimumDistance = 2
	flags := root.PersistentFlags()
	flags.StringVar(&a.global.instance, "instance", "", "directory of the instance (SNAKECTL_INSTANCE)")
	flags.BoolVar(&a.global.noStart, "no-start", false, "never start a supervisor")
	flags.BoolVar(&a.global.noColor, "no-color", false, "no colours (NO_COLOR)")
	flags.BoolVarP(&a.global.quiet, "quiet", "q", false, "only answers and errors")
	root.AddCommand(
		newInitCommand(a), newNewCommand(a), newPlanCommand(a), newShowCommand(a), newApplyCommand(a), newUpCommand(a), newDevCommand(a), newDestroyCommand(a), newHistoryCommand(a), newRollbackCommand(a),
		newExecCommand(a), newCommandsCommand(a), newStatusCommand(a), newWaitCommand(a), newScaleCommand(a),
		newRecycleCommand(a), newRolloutCommand(a), newPauseCommand(a), newResumeCommand(a), newLogsCommand(a), newStackCommand(a), newEventsCommand(a), newInspectCommand(a), newCompatCommand(a),
		newDiagnoseCommand(a), newDoctorCommand(a), newSetupCommand(a), newRuntimeCommand(a), newValidateCommand(a), newFmtCommand(a), newSchemaCommand(a),
		newSupervisorCommand(a), newCompletionCommand(a), newVersionCommand(a),
	)
	a.completeAddresses(root)
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "help" {
			cmd.Short, cmd.Long = "Print the help of a command", "Print what a command does, its usage, examples and flags."
			cmd.Use, cmd.Example = "help [COMMAND]...", examples("snakectl help plan", "snakectl help supervisor stop")
			cmd.DisableFlagsInUseLine = true
			show := cmd.Run
			cmd.Run, cmd.RunE = nil, func(cmd *cobra.Command, args []string) error { show(cmd, args); return nil }
		}
	}
	return root
}

// flagError makes an error about flags say where to read on.
func flagError(cmd *cobra.Command, err error) error {
	if flag, _, ok := strings.Cut(err.Error(), ": time: "); ok {
		err = errors.New(flag + ": write a duration such as 30s, 10m or 1h30m")
	}
	return fmt.Errorf("%w; see \"%s --help\"", err, cmd.CommandPath())
}

// command describes one command; every one has a line, a paragraph and two examples.
type command struct {
	use      string
	short    string
	long     string
	examples [2]string
	args     cobra.PositionalArgs
	also     []string // words that people type who mean this command
	run      func(ctx context.Context, args []string) error
}

// cobra returns the command as the library wants it. Its context ends with the
// first interrupt.
func (c command) cobra(a *App) *cobra.Command {
	return c.build(func(cmd *cobra.Command, args []string) error {
		ctx, stop := a.interruptible(cmd.Context())
		defer stop()
		return c.run(ctx, args)
	})
}

// cobraRaw is like cobra for commands that give interrupts their own meaning.
func (c command) cobraRaw() *cobra.Command {
	return c.build(func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args) })
}

func (c command) build(run func(*cobra.Command, []string) error) *cobra.Command {
	return &cobra.Command{
		Use: c.use, Short: c.short, Long: c.long,
		Example:               examples(c.examples[:]...),
		Args:                  describeArgs(c.args),
		SuggestFor:            c.also,
		RunE:                  run,
		DisableFlagsInUseLine: true,
	}
}

// unknownCommand checks the arguments of a command that only has commands: a
// word that is left over is a misspelt one.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q; see \"%s --help\"", args[0], cmd.CommandPath())
	if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
		text += "\nDid you mean " + strings.Join(similar, " or ") + "?"
	}
	return errors.New(text)
}

// argsError is an error about arguments that says by itself what to do.
type argsError string

func (e argsError) Error() string { return string(e) }

// describeArgs makes an error about arguments say where to read on.
func describeArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		var clear argsError
		if err == nil || errors.As(err, &clear) {
			return err
		}
		wrong := "does not take " + count(len(args), "argument")
		if len(args) == 0 {
			wrong = "needs an argument"
		}
		return fmt.Errorf("%s %s; usage: snakectl %s", cmd.CommandPath(), wrong, usageOf(cmd))
	}
}

func usageOf(cmd *cobra.Command) string {
	path := strings.Fields(cmd.CommandPath())
	return strings.Join(append(path[1:len(path)-1:len(path)-1], cmd.Use), " ")
}

func examples(lines ...string) string { return "  " + strings.Join(lines, "\n  ") }
