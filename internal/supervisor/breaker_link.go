package supervisor

import (
	"time"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// turn tells the breaker of an event and has the pool loop publish a change of its
// state. mu is held.
func (d *dispatcher) turn(now int64, e breakerEvent) answer {
	before := d.breaker
	var out answer
	d.breaker, out = before.step(now, e)
	if d.breaker.state != before.state {
		d.untold = append(d.untold, breakerEventOf(d.addr, &d.breaker, now))
		d.wake()
	}
	return out
}

func breakerEventOf(addr string, b *breaker, now int64) event.Body {
	about, since := event.OnPool{Pool: addr}, microseconds(now-b.openedAt)
	switch b.state {
	case pool.BreakerOpen:
		return event.PoolBreakerOpened{OnPool: about, Failures: b.failures, Category: string(b.last), ResetUS: b.policy.reset.Microseconds()}
	case pool.BreakerHalfOpen:
		return event.PoolBreakerHalfOpened{OnPool: about, Trials: b.policy.halfOpen, OpenUS: since}
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
	switch d.turn(now, breakerEvent{kind: breakerAsked}) {
	case answerTrial:
		c.trial = d.breaker.round
	case answerRefuse:
		after := d.breaker.retryAfter(now)
		err := pool.NewCallError(pool.CategoryUnavailable, "%s takes no calls for now: %d executions in a row failed, the last one as %s (breaker.failures)",
			d.addr, d.breaker.failures, d.breaker.last)
		err.Retryable, err.RetryAfterMS = true, max(1, (after+time.Millisecond-1).Milliseconds())
		err.Hint = "see why with: snakectl status " + bareName(d.addr)
		return err
	case answerPass:
	}
	return nil
}

// judge tells the breaker how an execution ended; failure is nil for a result. Call
// it before the call is settled, while it is not. mu is held.
func (d *dispatcher) judge(c *call, failure *pool.CallError) {
	if !d.breaker.on() || c.probe || c.settled {
		return
	}
	e := breakerEvent{kind: breakerPassed, round: c.trial}
	if failure != nil && sick(failure) {
		e.kind, e.category = breakerFailed, failure.Category
	}
	c.trial = 0
	d.turn(wire.Monotonic(), e)
}

// status returns what is shown of the breaker, nil when it is off.
func (b *breaker) status(now int64) *pool.BreakerStatus {
	if !b.on() {
		return nil
	}
	st := &pool.BreakerStatus{State: b.state, Failures: b.failures, Last: b.last}
	if b.state == pool.BreakerOpen {
		st.RetryAfterMS = b.retryAfter(now).Milliseconds()
	}
	return st
}
