package supervisor

import (
	"time"

	"github.com/snakectl/snakectl/internal/dispatch"
	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// turn tells the breaker of an event and has the pool loop publish a change of its
// state. mu is held.
func (d *dispatcher) turn(now int64, e dispatch.BreakerEvent) dispatch.Answer {
	before := d.breaker
	var out dispatch.Answer
	d.breaker, out = before.Step(now, e)
	if d.breaker.State != before.State {
		d.untold = append(d.untold, turnEvent(d.addr(), &d.breaker, now))
		d.wake()
	}
	return out
}

func turnEvent(addr string, b *dispatch.Breaker, now int64) event.Body {
	about, since := event.OnPool{Pool: addr}, microseconds(now-b.OpenedAt)
	switch b.State {
	case pool.BreakerOpen:
		return event.PoolBreakerOpened{OnPool: about, Failures: b.Failures, Category: string(b.Last), ResetUS: b.Policy.Reset.Microseconds()}
	case pool.BreakerHalfOpen:
		return event.PoolBreakerHalfOpened{OnPool: about, Trials: b.Policy.HalfOpen, OpenUS: since}
	case pool.BreakerClosed:
	}
	return event.PoolBreakerClosed{OnPool: about, OpenUS: since}
}

// takeUntold returns the events since the last call, for the pool loop.
func (d *dispatcher) takeUntold() []event.Body {
	d.mu.Lock()
	defer d.mu.Unlock()
	untold := d.untold
	d.untold = nil
	return untold
}

// ask has the breaker let a call in, or returns why it does not. mu is held.
func (d *dispatcher) ask(c *call, now int64) *pool.CallError {
	switch d.turn(now, dispatch.BreakerEvent{Kind: dispatch.Asked}) {
	case dispatch.Trial:
		c.trial = d.breaker.Round
	case dispatch.Refuse:
		after := d.breaker.RetryAfter(now)
		err := pool.NewCallError(pool.CategoryUnavailable, "%s takes no calls for now: %d executions in a row failed, the last one as %s (breaker.failures)",
			d.addr(), d.breaker.Failures, d.breaker.Last)
		err.Retryable, err.RetryAfterMS = true, max(1, (after+time.Millisecond-1).Milliseconds())
		err.Hint = "see why with: snakectl status " + bareName(d.addr())
		return err
	case dispatch.Pass:
	}
	return nil
}

// judge tells the breaker how an execution ended; failure is nil for a result. Call
// it before the call is settled, while it is not. mu is held.
func (d *dispatcher) judge(c *call, failure *pool.CallError) {
	if !d.breaker.On() || c.probe || c.settled {
		return
	}
	e := dispatch.BreakerEvent{Kind: dispatch.Passed, Round: c.trial}
	if failure != nil && dispatch.Sick(failure) {
		e.Kind, e.Category = dispatch.Failed, failure.Category
	}
	c.trial = 0
	d.turn(wire.Monotonic(), e)
}
