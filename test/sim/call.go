package sim

import (
	"fmt"
	"time"
)

// outcome is how a call ended for its caller.
type outcome string

const (
	outcomeOK           outcome = "ok"
	outcomeFailed       outcome = "failed"
	outcomeTimeout      outcome = "timeout"
	outcomeRejected     outcome = "rejected"
	outcomeQueueTimeout outcome = "queue_timeout"
	outcomeCancelled    outcome = "cancelled"
	// outcomeSevered: the connection to the supervisor broke; nobody counts it.
	outcomeSevered outcome = "severed"
)

// call is one call of one caller.
type call struct {
	id int
	// service is how long its handler takes, raises how it ends.
	service time.Duration
	raises  bool
	// idempotent: it may be executed more than once.
	idempotent bool
	// queuedAt and deadline are moments.
	queuedAt, deadline time.Duration

	// What follows is the dispatcher's.

	d    *dispatcher
	slot *slot
	// phantom stands for a call of which nobody here waits for the answer.
	phantom, queued, settled bool
	wantedUntil              time.Duration
	// attempts counts its executions, waitsSince is when it began to wait, trial the round
	// of the breaker that let it in on trial.
	attempts, trial int
	waitsSince      time.Duration
	// expiredBy is when the queue gives it up.
	expiredBy time.Duration
	// bound: it was given to its slot by a former supervisor.
	bound bool

	// What follows is its caller's.

	addr string
	// sentAt is when it was sent; earliest and latest bound that for a later supervisor.
	sentAt, earliest, latest time.Duration
	// detached is when its supervisor was gone, 0 while it has one.
	detached time.Duration
	// anew: it is made again, and not asked for.
	anew    bool
	resends int

	// What follows is the oracle's.

	runs, answers int
}

// String names the call in traces.
func (c *call) String() string {
	if c == nil {
		return "no call"
	}
	return fmt.Sprintf("call %d", c.id)
}

// submit makes one call to a pool.
func (w *world) submit(addr string) {
	s := w.sup
	if s == nil || s.routes[addr] == nil {
		return // told at once that there is no such pool
	}
	w.calls++
	w.stats.Calls++
	c := &call{id: w.calls, service: w.between(time.Millisecond, 40*time.Millisecond), raises: w.chance(8), idempotent: w.chance(30)}
	if w.fault(8) {
		c.service = w.between(100*time.Millisecond, 1200*time.Millisecond)
	}
	d := s.routes[addr]
	c.addr, c.sentAt = addr, w.now
	c.deadline = w.now + d.spec.Timeouts.Call.D()
	if w.chance(10) {
		c.deadline = w.now + w.between(time.Millisecond, 300*time.Millisecond)
	}
	w.waiting[c] = true
	d.submit(c)
	if w.chance(4) {
		s.after(w.between(0, 60*time.Millisecond), func() {
			if c.d != nil {
				c.d.cancel(c)
			}
		})
	}
}

// caller makes calls, one after some time, until the callers leave.
func (w *world) caller(pools []string, pause time.Duration) {
	w.after(w.between(pause/4, pause*2), func() {
		if !w.quiet {
			w.submit(pools[w.rng.IntN(len(pools))])
			w.caller(pools, pause)
		}
	})
}
