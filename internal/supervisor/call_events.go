package supervisor

import (
	"sync/atomic"
	"time"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// pressureEvery is how often a dispatcher tells, at most, that it is full.
const pressureEvery = int64(time.Second)

// due reports whether something that was told at last may be told again now.
func due(last *atomic.Int64, now int64) bool {
	then := last.Load()
	return (then == 0 || now-then >= pressureEvery) && last.CompareAndSwap(then, now)
}

// tellCapacity tells that a call has to wait. mu is not held.
func (d *dispatcher) tellCapacity(now int64) {
	if due(&d.toldCapacity, now) {
		capacity, queued, _ := d.pressure()
		d.events.Publish(event.PoolCapacityReached{OnPool: event.OnPool{Pool: d.addr()}, Capacity: capacity, Queued: queued})
	}
}

// tellSaturated tells that a call found the queue full. mu is not held.
func (d *dispatcher) tellSaturated(now int64) {
	if due(&d.toldSaturated, now) {
		capacity, queued, rejected := d.pressure()
		d.events.Publish(event.PoolSaturated{OnPool: event.OnPool{Pool: d.addr()}, Capacity: capacity, Queued: queued, Rejected: rejected})
	}
}

func (d *dispatcher) pressure() (capacity, queued int, rejected uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for s := range d.workers {
		if s.admitted {
			capacity += len(s.all)
		}
	}
	return capacity, d.queue.len(), d.counts.Rejected
}

// tellEnd tells how a call ended, if anybody wants to know. Call it once for each
// call, when it was settled, without mu; w executed it, nil for nobody.
func (d *dispatcher) tellEnd(c *call, w *workerEntry, how outcome, failure *pool.CallError) {
	if !c.probe && d.events.WantsRequests() {
		d.events.Publish(endOf(c, w, how, failure))
	}
}

func endOf(c *call, w *workerEntry, how outcome, failure *pool.CallError) event.Body {
	now := wire.Monotonic()
	about := event.OnRequest{
		Pool: c.dispatcher.addr(), Call: c.id.String(), Command: c.command, Attempts: c.attempts,
		QueueUS: microseconds(c.queueNS()), TotalUS: microseconds(now - c.queuedAt),
	}
	if w != nil {
		about.Worker = w.incarnation()
	}
	category, message := "", ""
	if failure != nil {
		category, message = string(failure.Category), failure.Message
	}
	switch how {
	case outcomeTimeout, outcomeQueueTimeout:
		return event.RequestTimedOut{OnRequest: about, Category: category, Started: w != nil}
	case outcomeRejected:
		return event.RequestRejected{OnRequest: about, Category: category, Reason: message}
	case outcomeCancelled:
		return event.RequestCancelled{OnRequest: about, Started: w != nil}
	case outcomeOK, outcomeFailed:
	}
	return event.RequestExecuted{
		OnRequest: about, OK: failure == nil, Category: category, Error: message, ExecUS: microseconds(now - c.sentAt),
	}
}

func microseconds(ns int64) int64 { return ns / int64(time.Microsecond) }

// entry returns the worker of the slot, nil for no slot.
func (s *slot) entry() *workerEntry {
	if s == nil {
		return nil
	}
	return s.worker
}
