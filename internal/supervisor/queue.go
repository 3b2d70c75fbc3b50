package supervisor

import (
	"fmt"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// queued counts the calls that wait for anything. mu is held.
func (d *dispatcher) queued() int { return d.queue.len() + d.blocked.len() + d.resting.len() }

// wait puts a call that is new into the queue. mu is held.
func (d *dispatcher) wait(c *call, frame []byte) {
	if c.frames == nil {
		c.frames = append([]byte(nil), frame...)
	}
	d.enqueue(c, false)
}

// enqueue puts a call into the queue, behind its equals or before them. mu is held.
func (d *dispatcher) enqueue(c *call, first bool) {
	d.queue.push(c, first)
	d.expire(c)
}

// comeBack puts a call first in the queue that was given to a slot and provably never
// started. mu is held.
func (d *dispatcher) comeBack(c *call) {
	c.attempts--
	c.waitsSince = c.sentAt
	d.enqueue(c, true)
}

// expire makes the queue timer give a call up in time. mu is held.
func (d *dispatcher) expire(c *call) {
	c.expiredBy = min(c.waitsSince+int64(d.policy.queueTimeout), c.deadline)
	d.armQueueTimer(c.expiredBy)
}

// takeWaiting removes the call that is next from those that wait, nil when none
// does. mu is held.
func (d *dispatcher) takeWaiting() *call {
	c := d.queue.pop()
	if c == nil {
		if c = d.blocked.pop(); c == nil { // nobody can wait elsewhere: queue.max is 0
			return nil
		}
		c.leaveBlocked()
	}
	d.unblock()
	d.checkDrained()
	return c
}

// unqueue removes a call from the line that it stands in, if any. mu is held.
func (d *dispatcher) unqueue(c *call, now int64) {
	if c.line == nil {
		return
	}
	c.stopWaiting(now)
	d.unblock()
	d.checkDrained()
}

// stopWaiting takes a call out of its line. mu is held.
func (c *call) stopWaiting(now int64) {
	c.line.remove(c)
	c.waited += now - c.waitsSince
}

// overflow decides on a call that finds the queue full. mu is held, and released.
func (d *dispatcher) overflow(c *call, frame []byte) (room <-chan struct{}) {
	now := c.queuedAt
	switch d.policy.overflow {
	case pool.OverflowBlock:
		if c.frames == nil {
			c.frames = append([]byte(nil), frame...)
		}
		c.room = make(chan struct{})
		room = c.room
		d.blocked.push(c, false)
		d.expire(c)
		d.mu.Unlock()
	case pool.OverflowDropOldest:
		victim := d.queue.oldest()
		if victim == nil || victim.priority > c.priority {
			victim = c
		} else {
			victim.stopWaiting(now)
			d.wait(c, frame)
		}
		d.turnAway(victim, d.saturated(victim, victim != c))
	default:
		d.turnAway(c, d.saturated(c, false))
	}
	d.tellSaturated(now)
	return room
}

// saturated returns the error of a call for which there is no room, or none any more.
func (d *dispatcher) saturated(c *call, dropped bool) *pool.CallError {
	err := pool.NewCallError(pool.CategorySaturated, "%s is saturated: all its workers are busy and %d calls wait already (queue.max)", d.addr(), d.policy.queueMax)
	if dropped {
		err.Message = fmt.Sprintf("%s is saturated: the call made room for a newer one (queue.overflow)", d.addr())
	}
	err.Retryable = true
	c.describe(err)
	return err
}

// unblock moves calls that wait for a place in the queue into it, as far as there
// is room. mu is held.
func (d *dispatcher) unblock() {
	for d.queue.len() < d.policy.queueMax {
		c := d.blocked.pop()
		if c == nil {
			return
		}
		c.leaveBlocked()
		d.enqueue(c, false)
	}
}

// leaveBlocked lets the caller of a call go on. mu is held.
func (c *call) leaveBlocked() {
	close(c.room)
	c.room = nil
}

// armQueueTimer makes the timer fire at the latest at that time. mu is held.
func (d *dispatcher) armQueueTimer(at int64) {
	if d.timerAt != 0 && d.timerAt <= at {
		return
	}
	d.timerAt = at
	wait := time.Duration(max(0, at-wire.Monotonic()))
	if d.queueTimer == nil {
		d.queueTimer = time.AfterFunc(wait, d.lookAtQueue)
	} else {
		d.queueTimer.Reset(wait)
	}
}

// lookAtQueue is the queue timer: calls that have rested queue up again, and those
// that waited too long fail.
func (d *dispatcher) lookAtQueue() {
	now := wire.Monotonic()
	d.mu.Lock()
	d.timerAt = 0
	if d.frozen {
		d.mu.Unlock()
		return
	}
	waited, pausedBy := d.policy.queueTimeout, ""
	if d.hold.pool != nil {
		pausedBy = d.hold.pool.By
	}
	for c := range d.resting.all() {
		if now < c.restsUntil {
			d.armQueueTimer(c.restsUntil)
			continue
		}
		d.resting.remove(c)
		c.waitsSince = now
		d.enqueue(c, true)
	}
	expired := append(d.takeExpired(&d.queue, now), d.takeExpired(&d.blocked, now)...)
	d.unblock()
	d.checkDrained()
	d.mu.Unlock()
	d.offer()
	for _, c := range expired {
		err := queueError(d.addr(), c, now, waited, pausedBy)
		d.tellEnd(c, nil, outcomeTimeout, err)
		c.sink.fail(c, err)
	}
}

// takeExpired removes and settles the calls of a line that waited too long. mu is
// held.
func (d *dispatcher) takeExpired(line *waiting, now int64) (expired []*call) {
	for c := range line.all() {
		if now < c.expiredBy {
			d.armQueueTimer(c.expiredBy)
			continue
		}
		c.stopWaiting(now)
		how := outcomeQueueTimeout
		if now >= c.deadline {
			how = outcomeTimeout
		}
		if d.settle(c, how) {
			expired = append(expired, c)
		}
	}
	return expired
}

func queueError(addr string, c *call, now int64, waited time.Duration, pausedBy string) *pool.CallError {
	var err *pool.CallError
	if now >= c.deadline {
		err = pool.NewCallError(pool.CategoryDeadline, "the deadline passed while the call waited for a worker of %s", addr)
	} else {
		err = pool.NewCallError(pool.CategoryQueueTimeout, "no worker of %s came free within %s (queue.timeout)", addr, waited)
	}
	if pausedBy != "" {
		err.Hint = fmt.Sprintf("%s is paused by %s: snakectl resume %s", addr, pausedBy, bareName(addr))
	}
	err.Retryable = true
	c.describe(err)
	return err
}

// failQueued fails every waiting call.
func (d *dispatcher) failQueued(err *pool.CallError) {
	var failed []*call
	now := wire.Monotonic()
	d.mu.Lock()
	for _, line := range []*waiting{&d.queue, &d.blocked, &d.resting} {
		for c := range line.all() {
			c.stopWaiting(now)
			if d.settle(c, outcomeRejected) {
				failed = append(failed, c)
			}
		}
	}
	d.checkDrained()
	d.mu.Unlock()
	for _, c := range failed {
		own := *err
		d.tellEnd(c, nil, outcomeRejected, &own)
		c.sink.fail(c, &own)
	}
}
