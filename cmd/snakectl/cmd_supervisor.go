package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// newSupervisorCommand returns `snakectl supervisor` and its commands.
func newSupervisorCommand(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "supervisor",
		Short: "Run, start, stop or look at the supervisor",
		Long: `The supervisor is the process that holds an instance's workers. apply and exec
start it when it is needed; these commands manage it by hand.`,
		Example:    examples("snakectl supervisor status", "snakectl supervisor restart"),
		SuggestFor: []string{"restart", "start", "stop"},
		Args:       unknownCommand,
		RunE:       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(newSupervisorRun(a), newSupervisorStart(a), newSupervisorStop(a),
		newSupervisorRestart(a), newSupervisorStatus(a), newSupervisorImage(a))
	return cmd
}

// attendedFlag has a supervisor end with whoever holds the other end of its standard
// input.
const attendedFlag = "--attended"

func newSupervisorRun(a *App) *cobra.Command {
	attended := false
	cmd := command{
		use:   "run [--attended]",
		short: "Be the supervisor, in the foreground",
		long: `Be the supervisor of the instance until SIGTERM or SIGINT, then drain the workers,
stop them and exit with status 0. A second signal ends it at once; its workers
then wait for the next supervisor as long as settings.orphan_grace says.`,
		examples: [2]string{"snakectl supervisor run", "snakectl supervisor run --instance /srv/workers"},
		args:     cobra.NoArgs,
		run: func(ctx context.Context, _ []string) error {
			return a.superviseInForeground(ctx, foreground{attended: attended})
		},
	}.cobraRaw()
	cmd.Flags().BoolVar(&attended, strings.TrimPrefix(attendedFlag, "--"), false, "end also when standard input ends")
	return cmd
}

func newSupervisorStart(a *App) *cobra.Command {
	return command{
		use:   "start",
		short: "Start the supervisor in the background",
		long: `Start the supervisor of the instance in the background and wait until it answers.
It brings up the pools that were applied last, and adopts workers that still run.
Nothing happens when it runs already.`,
		examples: [2]string{"snakectl supervisor start", "snakectl supervisor start --instance /srv/workers"},
		args:     cobra.NoArgs,
		run:      func(ctx context.Context, _ []string) error { return a.runStart(ctx) },
	}.cobra(a)
}

func (a *App) runStart(ctx context.Context) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	var status *pool.Status
	err = settled(func() error {
		status, err = c.Status(ctx)
		return err
	})
	if err == nil {
		fmt.Fprintf(a.Stdout, "The supervisor runs already (pid %d).\n", status.Supervisor.PID)
		return nil
	}
	if !errors.Is(err, client.ErrNoSupervisor) {
		return a.explain(err)
	}
	if a.global.noStart {
		return errors.New("--no-start forbids to start a supervisor")
	}
	dir, err := a.instanceDir()
	if err != nil {
		return err
	}
	pid, err := a.startSupervisor(ctx, dir, nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "Started the supervisor of %s (pid %d).\n", dir, pid)
	return nil
}

const stopLimit = 2 * time.Minute

func newSupervisorStop(a *App) *cobra.Command {
	var keep, now bool
	var limit time.Duration
	cmd := command{
		use:   "stop [--keep-workers | --now] [--timeout D]",
		short: "Drain the workers and end the supervisor",
		long: `End the supervisor and wait until it is gone. Workers finish their calls and stop,
all at the same time. With --keep-workers they live on and wait for the next
supervisor as long as settings.orphan_grace says. With --now they are killed at
once and their calls fail: also those that drain already, and those that a
supervisor left which was killed.`,
		examples: [2]string{"snakectl supervisor stop", "snakectl supervisor stop --now"},
		args:     cobra.NoArgs,
		run: func(ctx context.Context, _ []string) error {
			workers := client.PartingStop
			switch {
			case keep:
				workers = client.PartingKeep
			case now:
				workers = client.PartingKill
			}
			return a.runSupervisorStop(ctx, workers, limit)
		},
	}.cobra(a)
	cmd.Flags().BoolVar(&keep, "keep-workers", false, "leave the workers to the next supervisor")
	cmd.Flags().BoolVar(&now, "now", false, "kill the workers instead of draining them")
	cmd.Flags().DurationVar(&limit, "timeout", stopLimit, "how long to wait for its end")
	cmd.MarkFlagsMutuallyExclusive("keep-workers", "now")
	return cmd
}

func (a *App) runSupervisorStop(ctx context.Context, workers client.Parting, limit time.Duration) error {
	pid, err := a.stopSupervisor(ctx, workers, limit)
	if errors.Is(err, client.ErrNoSupervisor) {
		return a.stopOrphans(ctx, workers)
	}
	if err != nil {
		return a.explain(err)
	}
	fmt.Fprintf(a.Stdout, "Stopped the supervisor (pid %d).\n", pid)
	return nil
}

func newSupervisorStatus(a *App) *cobra.Command {
	var asJSON bool
	cmd := command{
		use:   "status [--json]",
		short: "Say whether a supervisor runs, and which",
		long: `Print the pid, version and revision of the instance's supervisor. The exit code is
0 when it answers and 1 when none does.`,
		examples: [2]string{"snakectl supervisor status", "snakectl supervisor status --json"},
		args:     cobra.NoArgs,
		run:      func(ctx context.Context, _ []string) error { return a.runSupervisorStatus(ctx, asJSON) },
	}.cobra(a)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *App) runSupervisorStatus(ctx context.Context, asJSON bool) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	status, err := c.Status(ctx)
	if err != nil {
		return a.explain(err)
	}
	if asJSON {
		return json.NewEncoder(a.Stdout).Encode(status.Supervisor)
	}
	fmt.Fprintln(a.Stdout, supervisorLine(status, time.Now()))
	return nil
}
