package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/supervisor"
)

// replacedWithin is how long the new image may take until it answers.
const replacedWithin = 30 * time.Second

func newSupervisorRestart(a *App) *cobra.Command {
	var limit time.Duration
	var stop bool
	cmd := command{
		use:   "restart [--stop] [--timeout D]",
		short: "Replace the supervisor's program and go on with its work",
		long: `Make this program the image of the supervisor's process, in place: the process id
stays, workers and their calls go on, the connections of clients stay open, and the
counters go on counting. Requests over HTTP are finished first; followers of events
and logs are ended, and take up again with --since. When this program cannot take
over, or something does not come to rest within --timeout, the supervisor goes on as
it is. With --stop the supervisor ends instead, leaves its workers running, and a new
process adopts them.`,
		examples: [2]string{"snakectl supervisor restart", "snakectl supervisor restart --stop --timeout 10s"},
		args:     cobra.NoArgs,
		run: func(ctx context.Context, _ []string) error {
			if stop {
				return a.runStopAndStart(ctx, limit)
			}
			return a.runRestart(ctx, limit)
		},
	}.cobra(a)
	cmd.Flags().DurationVar(&limit, "timeout", 0, "how long to wait for what goes on (default 10s, with --stop 2m)")
	cmd.Flags().BoolVar(&stop, "stop", false, "end the process and start another one")
	return cmd
}

func (a *App) runStopAndStart(ctx context.Context, limit time.Duration) error {
	if a.global.noStart {
		return errors.New("--no-start forbids to start a supervisor")
	}
	if limit <= 0 {
		limit = stopLimit
	}
	if _, err := a.stopSupervisor(ctx, client.PartingKeep, limit); err != nil && !errors.Is(err, client.ErrNoSupervisor) {
		return a.explain(err)
	}
	return a.runStart(ctx)
}

func (a *App) runRestart(ctx context.Context, limit time.Duration) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	before, err := c.Status(ctx)
	if errors.Is(err, client.ErrNoSupervisor) {
		return a.runStart(ctx)
	}
	if err != nil {
		return a.explain(err)
	}
	if a.Executable == "" {
		return errors.New("the path of this program is not known; use --stop")
	}
	if err := c.ReplaceSupervisor(ctx, a.Executable, limit); err != nil {
		return a.explain(err)
	}
	limited, cancel := context.WithTimeout(ctx, replacedWithin)
	defer cancel()
	var after *client.Status
	err = waitUntil(limited, func() (bool, error) {
		after, err = c.Status(limited)
		return err == nil && after.Supervisor.Replaced > before.Supervisor.Replaced, nil
	})
	if err != nil && ctx.Err() == nil {
		dir, dirErr := a.instanceDir()
		return errors.Join(dirErr, fmt.Errorf("the supervisor (pid %d) was not replaced: see %s", before.Supervisor.PID, logPath(dir)))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "Replaced the supervisor in place (pid %d, %s to %s).\n", after.Supervisor.PID, before.Supervisor.Version, after.Supervisor.Version)
	return nil
}

// newSupervisorImage returns the command by which a running supervisor asks a program
// whether it can take over.
func newSupervisorImage(a *App) *cobra.Command {
	cmd := command{
		use:      "image",
		short:    "Say what this program can take over from a running supervisor",
		long:     `Print as JSON which handovers and which state this program takes. A running supervisor asks it before it is replaced.`,
		examples: [2]string{"snakectl supervisor image", "snakectl supervisor image | python3 -m json.tool"},
		args:     cobra.NoArgs,
		run: func(context.Context, []string) error {
			return json.NewEncoder(a.Stdout).Encode(supervisor.ThisImage(a.Version))
		},
	}.cobra(a)
	cmd.Hidden = true
	return cmd
}
