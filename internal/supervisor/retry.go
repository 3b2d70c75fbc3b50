package supervisor

import (
	"math/rand/v2"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// again puts a call whose execution failed back to the calls that wait, if it may
// run again and its caller has seen nothing of an answer. It reports whether it did.
// mu is held; offer follows once it is released.
func (d *dispatcher) again(c *call, failure *pool.CallError) bool {
	if !c.idempotent || c.settled || c.released != nil || c.frames == nil || d.refusal != nil {
		return false
	}
	if d.breaker.On() && d.breaker.State != pool.BreakerClosed {
		return false
	}
	now := wire.Monotonic()
	wait, ok := d.policy.retry.Wait(c.attempts, failure.Category, time.Duration(c.deadline-now), rand.Float64())
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
