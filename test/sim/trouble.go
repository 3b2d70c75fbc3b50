package sim

import (
	"slices"

	"github.com/snakectl/snakectl/internal/dispatch"
	"github.com/snakectl/snakectl/internal/pool"
)

// What becomes of calls whose execution failed is decided by the real breaker and the
// real retry policy; this is the edge around them.

func (w *world) breakerPolicy(p *pool.Pool) dispatch.BreakerPolicy {
	halfOpen := p.Breaker.HalfOpen
	if w.opts.HalfOpen != nil {
		halfOpen = w.opts.HalfOpen(halfOpen)
	}
	return dispatch.BreakerPolicy{Failures: p.Breaker.Failures, Reset: p.Breaker.Reset.D(), HalfOpen: halfOpen}
}

func retryPolicy(p *pool.Pool) dispatch.RetryPolicy {
	return dispatch.RetryPolicy{Attempts: p.Retry.Attempts, On: p.Retry.On, Backoff: p.Retry.Backoff.D()}
}

// configure takes up another spec of the pool.
func (d *dispatcher) configure(spec *pool.Pool) {
	d.spec, d.breaker = spec, d.breaker.With(d.w.breakerPolicy(spec))
	d.mayTry = max(d.mayTry, spec.Breaker.HalfOpen)
}

// turn tells the breaker of an event.
func (d *dispatcher) turn(e dispatch.BreakerEvent) dispatch.Answer {
	before := d.breaker.State
	var out dispatch.Answer
	d.breaker, out = d.breaker.Step(int64(d.w.now), e)
	if before != d.breaker.State {
		d.w.stats.Turns++
		d.onTrial, d.mayTry = 0, d.spec.Breaker.HalfOpen
		d.w.note("%s  the breaker is %s", d.addr, d.breaker.State)
	}
	if before == pool.BreakerClosed && out == dispatch.Refuse {
		d.w.violate(InvariantBreaker, "%s: a closed breaker refuses a call", d.addr)
	}
	return out
}

// ask has the breaker let a call in; it reports whether it does.
func (d *dispatcher) ask(c *call) bool {
	if !d.breaker.On() {
		return true
	}
	out := d.turn(dispatch.BreakerEvent{Kind: dispatch.Asked})
	if out == dispatch.Trial {
		c.trial = d.breaker.Round
		if d.onTrial++; d.onTrial > d.mayTry {
			d.w.violate(InvariantBreaker, "%s: %d calls are let in on trial, half_open is %d", d.addr, d.onTrial, d.mayTry)
		}
	}
	return out != dispatch.Refuse
}

// judge tells the breaker how an execution ended, with a category or a result.
func (d *dispatcher) judge(c *call, category pool.Category) {
	if !d.breaker.On() || c.settled {
		return
	}
	e := dispatch.BreakerEvent{Kind: dispatch.Passed, Round: c.trial}
	failure := pool.CallError{Category: category, Origin: "supervisor", Started: true}
	if category == pool.CategoryRaised {
		failure.Origin = "worker"
	}
	if category != "" && dispatch.Sick(&failure) {
		e.Kind, e.Category = dispatch.Failed, category
	}
	c.trial = 0
	d.turn(e)
}

// again has a call whose execution failed wait for another one, if it may.
func (d *dispatcher) again(c *call, category pool.Category) bool {
	if !c.idempotent && !d.w.opts.Careless || c.bound || c.settled || d.closed || d.breaker.On() && d.breaker.State != pool.BreakerClosed {
		return false
	}
	wait, ok := retryPolicy(d.spec).Wait(c.attempts, category, c.deadline-d.w.now, d.w.rng.Float64())
	if !ok {
		return false
	}
	d.w.stats.Retried++
	c.slot, c.waitsSince, c.raises = nil, d.w.now, d.w.chance(8)
	if wait == 0 {
		d.enqueue(c, true)
		return true
	}
	d.resting = append(d.resting, c)
	d.s.after(wait, func() {
		if d.rouse(c) {
			c.waitsSince = d.w.now
			d.enqueue(c, true)
			d.offer()
		}
	})
	return true
}

// rouse takes a call out of those that rest; it reports whether it was among them.
func (d *dispatcher) rouse(c *call) bool {
	i := slices.Index(d.resting, c)
	if i < 0 {
		return false
	}
	d.resting = slices.Delete(d.resting, i, i+1)
	return true
}
