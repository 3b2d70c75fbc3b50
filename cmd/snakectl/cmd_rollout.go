package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// rolloutOrders are what an operator can want of a rollout that goes on.
var rolloutOrders = []struct{ verb, short, long string }{
	{"pause", "Stop replacing workers for a while", "What is under way ends, nothing more is replaced. The apply that rolls the pool goes on waiting."},
	{"resume", "Go on after a pause", "The rollout goes on where it was paused."},
	{"abort", "Go back to the former code", "The workers that were replaced are replaced again, by ones of the newest stable revision. The\napply that rolls the pool ends with exit code 3."},
	{"promote", "Let the other workers follow the canaries", "The canaries are healthy and the rollout waits: with this the other workers are replaced, too."},
}

func newRolloutCommand(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollout",
		Short: "Look at the roll of a pool, and steer it",
		Long: `A pool rolls when an apply replaces its workers. Another terminal can look at it, pause and
resume it, promote its canaries, or abort it, which brings the former code back.`,
		Args:                  unknownCommand,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Example:               examples("snakectl rollout status api", "snakectl rollout promote api"),
		DisableFlagsInUseLine: true,
	}
	var asJSON bool
	status := command{
		use:      "status POOL [--json]",
		short:    "Show where the roll of a pool is",
		long:     "Show the phase of the rollout, how many places have changed, and why it is where it is.",
		examples: [2]string{"snakectl rollout status api", "snakectl rollout status api --json"},
		args:     cobra.ExactArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runRolloutStatus(ctx, args[0], asJSON) },
	}.cobra(a)
	status.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(status)
	for _, order := range rolloutOrders {
		cmd.AddCommand(command{
			use:      order.verb + " POOL",
			short:    order.short,
			long:     order.long,
			examples: [2]string{"snakectl rollout " + order.verb + " api", fmt.Sprintf("snakectl rollout %s 'pool.etl[\"eu\"]'", order.verb)},
			args:     cobra.ExactArgs(1),
			run:      func(ctx context.Context, args []string) error { return a.steerRollout(ctx, args[0], order.verb) },
		}.cobra(a))
	}
	return cmd
}

func (a *App) runRolloutStatus(ctx context.Context, name string, asJSON bool) error {
	return a.askRollout(name, func(c *client.Client, addr string) (*client.Rollout, error) { return c.Rollout(ctx, addr) }, func(now *client.Rollout) error {
		if asJSON {
			return json.NewEncoder(a.Stdout).Encode(now)
		}
		_, err := fmt.Fprint(a.Stdout, renderRollout(now, time.Now()))
		return err
	})
}

func (a *App) steerRollout(ctx context.Context, name, order string) error {
	return a.askRollout(name, func(c *client.Client, addr string) (*client.Rollout, error) {
		return c.SteerRollout(ctx, addr, order, a.by())
	}, func(now *client.Rollout) error {
		_, err := fmt.Fprint(a.Stdout, renderRollout(now, time.Now()))
		return err
	})
}

// askRollout asks the supervisor about the pool of that name and shows the answer.
func (a *App) askRollout(name string, ask func(*client.Client, string) (*client.Rollout, error), show func(*client.Rollout) error) error {
	addr, err := pool.ParseAddress(name)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	now, err := ask(c, addr)
	if err != nil {
		return a.explain(err)
	}
	return show(now)
}
