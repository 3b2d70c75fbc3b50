package supervisor

import (
	"container/list"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// dispatchPolicy is what a dispatcher needs of its pool's spec.
type dispatchPolicy struct {
	queueMax     int
	queueTimeout time.Duration
	callTimeout  time.Duration
	stopGrace    time.Duration
	// maxRequests is how many calls a worker takes, 0 for any number.
	maxRequests int
}

func policyOf(p *pool.Pool) dispatchPolicy {
	return dispatchPolicy{
		queueMax: p.Queue.Max, queueTimeout: p.Queue.Timeout.D(),
		callTimeout: p.Timeouts.Call.D(), stopGrace: p.StopGrace.D(), maxRequests: p.Lifecycle.MaxRequests,
	}
}

// dispatcher hands the calls of one pool to its slots: the most recently used
// idle slot first, else a bounded first-in-first-out queue. Every call is counted
// once, when it is settled. It is safe for concurrent use.
type dispatcher struct {
	addr string
	// stuck tells that a worker's call goes on past its deadline and stop_grace; it
	// is called from a timer, without mu.
	stuck func(worker string)
	// noted says that takeNotes has something to tell; it holds one signal.
	noted chan struct{}
	// ledger keeps the calls that outlive their connection.
	ledger *ledger
	// events is told of calls and pressure; it may be nil.
	events                      *event.Hub
	toldCapacity, toldSaturated atomic.Int64

	// mu is a leaf: nothing is called while it is held. It guards what follows and
	// the fields of calls and slots that say so.
	mu     sync.Mutex
	policy dispatchPolicy
	// commands holds what is known of the adapter's commands.
	commands map[string]commandPolicy
	idle     []*slot // the last one was used most recently
	hold     hold    // what gets no new calls
	slots    map[*slot]struct{}
	queue    *list.List // of *call
	counts   pool.CallCounts
	// lost counts the failed calls that did so because their worker went away.
	lost uint64
	// suspects are the commands that workers died of.
	suspects suspects
	// notes are events for the pool loop, startTime how long a worker takes to be ready.
	notes     []lifecycle.Event
	startTime time.Duration
	// refusal is why every new call is refused, nil while calls are taken.
	refusal *pool.CallError
	// drained is closed when the queue is empty after close.
	drained    chan struct{}
	queueTimer *time.Timer
	timerAt    int64
}

// commandPolicy is what the adapter itself says of a command.
type commandPolicy struct {
	name       string        // what the calls of the command share
	timeout    time.Duration // 0 leaves it to the pool
	idempotent bool
}

func newDispatcher(addr string, policy dispatchPolicy, stuck func(string)) *dispatcher {
	return &dispatcher{
		addr: addr, policy: policy, stuck: stuck, noted: make(chan struct{}, 1), slots: map[*slot]struct{}{}, queue: list.New(),
		ledger: newLedger(slog.New(slog.DiscardHandler)), suspects: suspects{},
	}
}

func (d *dispatcher) setPolicy(p dispatchPolicy) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.policy.maxRequests
	d.policy = p
	if p.maxRequests != before {
		d.recount(wire.Monotonic())
	}
}

// close refuses new calls and returns a channel that is closed when no call waits
// any more.
func (d *dispatcher) close(err *pool.CallError) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusal = err
	if d.drained == nil {
		d.drained = make(chan struct{})
		d.checkDrained()
	}
	return d.drained
}

func (d *dispatcher) checkDrained() {
	if d.drained != nil && d.queue.Len() == 0 {
		select {
		case <-d.drained:
		default:
			close(d.drained)
		}
	}
}

// setCommands takes up the commands of the workers that became ready last.
func (d *dispatcher) setCommands(adapter []pool.CommandInfo) {
	commands := map[string]commandPolicy{}
	for _, c := range adapter {
		commands[c.Name] = commandPolicy{c.Name, time.Duration(c.TimeoutMS) * time.Millisecond, c.Idempotent}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commands = commands
}

// accept fills in what depends on the call's command and the pool: its deadline,
// from the remaining nanoseconds that its caller gave it (0 for none), and whether
// it may run again.
func (d *dispatcher) accept(c *call, command []byte, remaining int64, idempotent bool) {
	now := wire.Monotonic()
	d.mu.Lock()
	defer d.mu.Unlock()
	own := d.commands[string(command)]
	if c.command = own.name; c.command == "" {
		c.command = string(command) // no worker has told of its commands yet, or there is no such one
	}
	c.idempotent = idempotent || own.idempotent
	switch {
	case remaining > 0:
		c.deadline = now + remaining
	case own.timeout > 0:
		c.deadline = now + int64(own.timeout)
	default:
		c.deadline = now + int64(d.policy.callTimeout)
	}
}

// submit takes a call. frame holds its only frame, or is nil when c.frames holds
// all of them; it is not kept. A call that cannot be taken fails at once.
func (d *dispatcher) submit(c *call, frame []byte) {
	c.dispatcher = d
	now := wire.Monotonic() // c may be answered and gone before submit returns
	c.queuedAt = now
	if c.idempotent && c.frames == nil {
		c.frames = append([]byte(nil), frame...) // it may be sent again
	}
	d.mu.Lock()
	if d.refusal != nil {
		refusal := *d.refusal
		d.settle(c, outcomeRejected)
		d.mu.Unlock()
		d.tellEnd(c, nil, outcomeRejected, &refusal)
		c.sink.fail(c, &refusal)
		return
	}
	if n := len(d.idle); n > 0 {
		s := d.idle[n-1]
		d.idle = d.idle[:n-1]
		out := s.assign(c, c.queuedAt)
		d.mu.Unlock()
		s.send(out, c, frame)
		return
	}
	if d.queue.Len() >= d.policy.queueMax {
		d.settle(c, outcomeRejected)
		limit := d.policy.queueMax
		d.mu.Unlock()
		err := pool.NewCallError(pool.CategorySaturated, "%s is saturated: all its workers are busy and %d calls wait already (queue.max)", d.addr, limit)
		err.Retryable = true
		d.tellSaturated(c.queuedAt)
		d.tellEnd(c, nil, outcomeRejected, err)
		c.sink.fail(c, err)
		return
	}
	if c.frames == nil {
		c.frames = append([]byte(nil), frame...)
	}
	d.enqueue(c, false)
	d.mu.Unlock()
	d.tellCapacity(now)
}

// refuse counts and tells of a call that is answered without being submitted: it may
// not be made, or its caller gave it up before its last byte came.
func (d *dispatcher) refuse(c *call, why *pool.CallError) {
	how := outcomeRejected
	if why.Category == pool.CategoryCancelled {
		how = outcomeCancelled
	}
	c.dispatcher, c.queuedAt = d, wire.Monotonic()
	d.mu.Lock()
	first := d.settle(c, how)
	d.mu.Unlock()
	if first {
		d.tellEnd(c, nil, how, why)
	}
}

// enqueue appends a waiting call, or puts it first. mu is held.
func (d *dispatcher) enqueue(c *call, first bool) {
	c.queued = true
	c.expiredBy = min(c.queuedAt+int64(d.policy.queueTimeout), c.deadline)
	if first {
		d.queue.PushFront(c)
	} else {
		d.queue.PushBack(c)
	}
	d.armQueueTimer(c.expiredBy)
}

// next gives a free slot its next call, or makes it idle. mu is held. The call
// that is returned must be sent once mu is released.
func (d *dispatcher) next(s *slot) (*call, hop) {
	if !s.admitted || s.out == nil || s.call != nil || d.held(s) || s.spent() {
		s.checkSpent()
		return nil, hop{}
	}
	front := d.queue.Front()
	if front == nil {
		d.idle = append(d.idle, s)
		return nil, hop{}
	}
	c := d.queue.Remove(front).(*call) //nolint:forcetypeassert // the list holds calls alone
	c.queued = false
	d.checkDrained()
	return c, s.assign(c, wire.Monotonic())
}

// settle answers the question how the call ended, once. It reports whether this
// was the first answer. mu is held.
func (d *dispatcher) settle(c *call, o outcome) bool {
	if c.settled {
		return false
	}
	c.settled = true
	if c.released != nil {
		close(c.released)
	}
	if c.probe {
		return true
	}
	switch o {
	case outcomeOK:
		d.counts.OK++
	case outcomeFailed:
		d.counts.Failed++
	case outcomeTimeout:
		d.counts.Timeout++
	case outcomeRejected:
		d.counts.Rejected++
	case outcomeQueueTimeout:
		d.counts.QueueTimeout++
	case outcomeCancelled:
		d.counts.Cancelled++
	}
	return true
}

// cancel gives a call up. It reports whether the call was still unanswered; a
// handler that runs is asked to stop and keeps its slot until it does.
func (d *dispatcher) cancel(c *call) bool {
	d.mu.Lock()
	first := d.settle(c, outcomeCancelled)
	if c.queued {
		d.unqueue(c)
	}
	s := c.slot
	if first && s != nil {
		// Nobody waits any more: the handler has stop_grace from now.
		c.wantedUntil = min(c.wantedUntil, wire.Monotonic())
		s.arm(c.wantedUntil + int64(d.policy.stopGrace))
	}
	d.mu.Unlock()
	if first {
		d.tellEnd(c, s.entry(), outcomeCancelled, nil)
	}
	if first && s != nil {
		s.cancel(c.id)
	}
	return first
}

// unqueue removes a waiting call. mu is held.
func (d *dispatcher) unqueue(c *call) {
	for e := d.queue.Front(); e != nil; e = e.Next() {
		if e.Value == c {
			d.queue.Remove(e)
			break
		}
	}
	c.queued = false
	d.checkDrained()
}

// armQueueTimer makes the timer fire at the latest at that time. mu is held.
func (d *dispatcher) armQueueTimer(at int64) {
	if d.timerAt != 0 && d.timerAt <= at {
		return
	}
	d.timerAt = at
	wait := time.Duration(max(0, at-wire.Monotonic()))
	if d.queueTimer == nil {
		d.queueTimer = time.AfterFunc(wait, d.expireQueue)
	} else {
		d.queueTimer.Reset(wait)
	}
}

// expireQueue fails the calls that waited too long.
func (d *dispatcher) expireQueue() {
	now := wire.Monotonic()
	var expired []*call
	d.mu.Lock()
	d.timerAt = 0
	waited, pausedBy := d.policy.queueTimeout, ""
	if d.hold.pool != nil {
		pausedBy = d.hold.pool.By
	}
	for e := d.queue.Front(); e != nil; {
		following := e.Next()
		c := e.Value.(*call) //nolint:forcetypeassert // the list holds calls alone
		if now >= c.expiredBy {
			d.queue.Remove(e)
			c.queued = false
			how := outcomeQueueTimeout
			if now >= c.deadline {
				how = outcomeTimeout
			}
			if d.settle(c, how) {
				expired = append(expired, c)
			}
		} else {
			d.armQueueTimer(c.expiredBy)
		}
		e = following
	}
	d.checkDrained()
	d.mu.Unlock()
	for _, c := range expired {
		c.sentAt = now
		err := queueError(d.addr, c, now, waited, pausedBy)
		d.tellEnd(c, nil, outcomeTimeout, err)
		c.sink.fail(c, err)
	}
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
	err.QueueNS = c.queueNS()
	return err
}

// failQueued fails every waiting call.
func (d *dispatcher) failQueued(err *pool.CallError) {
	var failed []*call
	d.mu.Lock()
	for e := d.queue.Front(); e != nil; e = d.queue.Front() {
		c := d.queue.Remove(e).(*call) //nolint:forcetypeassert // the list holds calls alone
		c.queued = false
		if d.settle(c, outcomeRejected) {
			failed = append(failed, c)
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

// load is what a status tells of a dispatcher.
type load struct {
	counts                   pool.CallCounts
	lost                     uint64
	busy, available, waiting int
}

func (d *dispatcher) load() load {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := load{counts: d.counts, lost: d.lost, available: len(d.idle), waiting: d.queue.Len()}
	for s := range d.slots {
		if s.call != nil {
			l.busy++
		}
	}
	return l
}
