package supervisor

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// retryPolicy says which calls are executed again.
type retryPolicy struct {
	attempts int
	on       []string
	backoff  time.Duration
}

// wait returns how long a call waits that was executed so often and failed with
// that category, and whether it is executed again at all: not when no attempt is
// left, or when its deadline, which is left from now, would pass before. jitter, in
// [0, 1), is the share of the half that is taken off.
func (p retryPolicy) wait(executed int, category pool.Category, left time.Duration, jitter float64) (time.Duration, bool) {
	if executed >= p.attempts || !slices.Contains(p.on, string(category)) {
		return 0, false
	}
	wait := p.backoff
	for i := 1; i < executed && wait < left; i++ {
		wait *= 2
	}
	wait -= time.Duration(float64(wait) * jitter / 2)
	return wait, wait < left
}

// again puts a call whose execution failed back to the calls that wait, if it may
// run again and its caller has seen nothing of an answer. It reports whether it did.
// mu is held; offer follows once it is released.
func (d *dispatcher) again(c *call, failure *pool.CallError) bool {
	if !c.idempotent || c.settled || c.released != nil || c.frames == nil || d.refusal != nil {
		return false
	}
	if d.breaker.on() && d.breaker.state != pool.BreakerClosed {
		return false
	}
	now := wire.Monotonic()
	wait, ok := d.policy.retry.wait(c.attempts, failure.Category, time.Duration(c.deadline-now), rand.Float64())
	if !ok {
		return false
	}
	d.counts.Retried++
	c.slot, c.waitsSince = nil, now
	if wait == 0 {
		d.enqueue(c, true)
		return true
	}
	c.restsUntil = now + int64(wait)
	d.resting.push(c, false)
	d.armQueueTimer(c.restsUntil)
	return true
}
