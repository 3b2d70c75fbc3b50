package dispatch

import (
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// RetryPolicy says which calls are executed again.
type RetryPolicy struct {
	Attempts int
	On       []string
	Backoff  time.Duration
}

// Wait returns how long a call waits that was executed so often and failed with
// that category, and whether it is executed again at all: not when no attempt is
// left, or when its deadline, which is left from now, would pass before. jitter, in
// [0, 1), is the share of the half that is taken off.
func (p RetryPolicy) Wait(executed int, category pool.Category, left time.Duration, jitter float64) (time.Duration, bool) {
	if executed >= p.Attempts || !slices.Contains(p.On, string(category)) {
		return 0, false
	}
	wait := p.Backoff
	for i := 1; i < executed && wait < left; i++ {
		wait *= 2
	}
	wait -= time.Duration(float64(wait) * jitter / 2)
	return wait, wait < left
}
