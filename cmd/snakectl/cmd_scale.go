package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/pool"
)

// maxSize is what the language allows for the attribute size.
func maxSize() int { return int(pool.FindRow(pool.PoolSchema(), "size").Max) }

func newScaleCommand(a *App) *cobra.Command {
	var length time.Duration
	cmd := command{
		use:   "scale POOL N [--for D]",
		short: "Set the size of a pool by hand",
		long: `Set how many workers a pool runs, without a change of the configuration. The new
size is an override: plan shows it as drift, with who set it and when, and the
next apply sets the configured size again. With --for it ends by itself.`,
		examples: [2]string{"snakectl scale api 8", "snakectl scale 'pool.etl[\"eu\"]' 2 --for 1h"},
		args:     cobra.ExactArgs(2),
		run:      func(ctx context.Context, args []string) error { return a.runScale(ctx, args[0], args[1], length) },
	}.cobra(a)
	cmd.Flags().DurationVar(&length, "for", 0, "how long, such as 30m; then the pool has its configured size again")
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		// A negative size looks like a flag.
		var unknown interface{ GetSpecifiedShortnames() string }
		if errors.As(err, &unknown) && len(cmd.Flags().Args()) > 0 {
			if _, notNumber := strconv.Atoi(unknown.GetSpecifiedShortnames()); notNumber == nil {
				return badSize(cmd.Flags().Arg(0), "-"+unknown.GetSpecifiedShortnames())
			}
		}
		return flagError(cmd, err)
	})
	return cmd
}

func badSize(addr, number string) error {
	return fmt.Errorf("cannot scale %s to %q: the size is a whole number from 0 to %d", addr, number, maxSize())
}

func (a *App) runScale(ctx context.Context, name, number string, length time.Duration) error {
	addr, err := pool.ParseAddress(name)
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(number)
	if err != nil || size < 0 || size > maxSize() {
		return badSize(addr, number)
	}
	if length < 0 {
		return fmt.Errorf("--for must not be negative, and is %s", length)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	scaled, err := c.ScaleFor(ctx, addr, size, a.by(), length)
	if err != nil {
		return a.explain(err)
	}
	fmt.Fprintf(a.Stdout, "%s: size %d -> %d\n", addr, scaled.Old, scaled.Size)
	if length > 0 {
		a.say("Until %s, or the next apply, which sets the configured size again.", time.Now().Add(length).Format(time.DateTime))
		return nil
	}
	a.say("The next apply sets the configured size again. To keep this one, write size = %d in the configuration.", size)
	return nil
}
