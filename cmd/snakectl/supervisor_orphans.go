package main

import (
	"context"
	"fmt"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/supervisor"
)

// stopOrphans does what a stop is about where no supervisor runs: it ends the workers
// that a killed one left, if they are to be killed, and else says that they are there.
func (a *App) stopOrphans(ctx context.Context, workers client.Parting) error {
	dir, err := a.instanceDir()
	if err != nil {
		return err
	}
	living, err := supervisor.Orphans(dir)
	if err != nil {
		return fmt.Errorf("cannot tell whether workers are left: %w", err)
	}
	left := count(living, "worker")
	switch {
	case living == 0:
		fmt.Fprintln(a.Stdout, "No supervisor runs.")
		return nil
	case workers != client.PartingKill:
		fmt.Fprintf(a.Stdout, "No supervisor runs, but %s of a former one. They end by themselves after settings.orphan_grace; "+
			"snakectl supervisor start takes them over, snakectl supervisor stop --now ends them.\n", left)
		return nil
	}
	if err := supervisor.EndOrphans(ctx, dir, a.Version); err != nil {
		return fmt.Errorf("cannot end what a former supervisor left: %w", err)
	}
	fmt.Fprintf(a.Stdout, "No supervisor runs. Ended %s that a former one left.\n", left)
	return nil
}
