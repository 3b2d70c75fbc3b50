package worker

import (
	"errors"

	"github.com/snakectl/snakectl/internal/pool"
)

// Rlimits returns nothing: macOS does not tell the limits of another process.
func (id Identity) Rlimits() (pool.Rlimits, error) { return pool.Rlimits{}, nil }

// Limit fails for any limit: macOS cannot set those of another process. The
// configuration refuses them before.
func (id Identity) Limit(l pool.Rlimits) error {
	if l != (pool.Rlimits{}) {
		return errors.New("limits work on Linux alone")
	}
	return nil
}

// HoldsData returns 0: there is nothing to compare it with.
func HoldsData(int) int64 { return 0 }
