package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
	"github.com/snakectl/snakectl/internal/supervisor"
	"github.com/snakectl/snakectl/internal/worker"
)

// stopOrphans does what a stop is about where no supervisor runs: it ends the workers
// that a killed one left, if they are to be killed, and else says that they are there.
func (a *App) stopOrphans(ctx context.Context, workers client.Parting) error {
	dir, err := a.instanceDir()
	if err != nil {
		return err
	}
	view, err := state.ReadCopy(dir)
	if err != nil {
		return fmt.Errorf("cannot tell whether workers are left: %w", err)
	}
	left := count(livingWorkers(view.Workers), "worker")
	switch {
	case livingWorkers(view.Workers) == 0:
		fmt.Fprintln(a.Stdout, "No supervisor runs.")
		return nil
	case workers != client.PartingKill:
		fmt.Fprintf(a.Stdout, "No supervisor runs, but %s of a former one. They end by themselves after settings.orphan_grace; "+
			"snakectl supervisor start takes them over, snakectl supervisor stop --now ends them.\n", left)
		return nil
	}
	if err := endOrphans(ctx, dir, a.Version); err != nil {
		return fmt.Errorf("cannot end what a former supervisor left: %w", err)
	}
	fmt.Fprintf(a.Stdout, "No supervisor runs. Ended %s that a former one left.\n", left)
	return nil
}

// livingWorkers counts the recorded processes that still exist.
func livingWorkers(recorded []pool.Worker) int {
	n := 0
	for _, rec := range recorded {
		if (worker.Identity{PID: rec.PID, StartTime: rec.StartTime, BootID: rec.BootID}).Alive() {
			n++
		}
	}
	return n
}

// endOrphans is a supervisor of the instance for a moment: it takes over the workers
// that are recorded there and kills them, with all that belongs to them.
func endOrphans(ctx context.Context, dir, version string) error {
	sup, err := supervisor.Open(supervisor.Config{Instance: dir, Version: version, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	sup.Shutdown(pool.PartingKill)
	return sup.Run(ctx)
}
