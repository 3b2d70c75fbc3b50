package supervisor

import (
	"context"
	"log/slog"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
	"github.com/snakectl/snakectl/internal/worker"
)

// Orphans returns how many workers of an instance live that has no supervisor.
func Orphans(instance string) (int, error) {
	view, err := state.ReadCopy(instance)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, rec := range view.Workers {
		if (worker.Identity{PID: rec.PID, StartTime: rec.StartTime, BootID: rec.BootID}).Alive() {
			n++
		}
	}
	return n, nil
}

// EndOrphans is a supervisor of the instance for a moment: it takes over the workers
// that a former one left and kills them, with all that belongs to them.
func EndOrphans(ctx context.Context, instance, version string) error {
	s, err := Open(Config{Instance: instance, Version: version, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	s.Shutdown(pool.PartingKill)
	return s.Run(ctx)
}
