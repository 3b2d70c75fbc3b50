package supervisor

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snakectl/snakectl/internal/dispatch"
	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// dispatchPolicy is what a dispatcher needs of its pool's spec.
type dispatchPolicy struct {
	queueMax     int
	queueTimeout time.Duration
	// overflow is what becomes of a call that finds the queue full; prioritised: calls
	// of a higher priority come first.
	overflow    string
	prioritised bool
	callTimeout time.Duration
	stopGrace   time.Duration
	// maxRequests is how many calls a worker takes, 0 for any number.
	maxRequests int
	retry       dispatch.RetryPolicy
	breaker     dispatch.BreakerPolicy
}

func policyOf(p *pool.Pool) dispatchPolicy {
	return dispatchPolicy{
		queueMax: p.Queue.Max, queueTimeout: p.Queue.Timeout.D(), overflow: p.Queue.Overflow, prioritised: p.Queue.Policy == pool.QueuePriority,
		callTimeout: p.Timeouts.Call.D(), stopGrace: p.StopGrace.D(), maxRequests: p.Lifecycle.MaxRequests,
		retry:   dispatch.RetryPolicy{Attempts: p.Retry.Attempts, On: p.Retry.On, Backoff: p.Retry.Backoff.D()},
		breaker: dispatch.BreakerPolicy{Failures: p.Breaker.Failures, Reset: p.Breaker.Reset.D(), HalfOpen: p.Breaker.HalfOpen},
	}
}

// dispatcher hands the calls of one pool to its slots: the most recently used
// idle slot first, else a bounded queue. Every call is counted
// once, when it is settled. It is safe for concurrent use.
type dispatcher struct {
	// name is the pool's address, which a move changes.
	name atomic.Pointer[string]
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
	workers  map[*slotSet]struct{}
	// queue holds the calls that wait for a slot, at most queue.max but for those that
	// came back; blocked those that wait for a place in it, resting those that wait
	// until they may be executed again.
	queue, blocked, resting waiting
	counts                  pool.CallCounts
	breaker                 dispatch.Breaker
	// lost counts the failed calls that did so because their worker went away.
	lost uint64
	// suspects are the commands that workers died of.
	suspects suspects
	// notes are events for the pool loop, startTime how long a worker takes to be ready.
	notes     []lifecycle.Event
	startTime time.Duration
	// untold are events that the pool loop publishes, in their order.
	untold []event.Body
	// frozen: no call changes its place or ends here, see freeze.
	frozen bool
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

func newDispatcher(addr string, policy dispatchPolicy) *dispatcher {
	d := &dispatcher{
		policy: policy, noted: make(chan struct{}, 1), workers: map[*slotSet]struct{}{},
		ledger: newLedger(slog.New(slog.DiscardHandler)), suspects: suspects{}, breaker: dispatch.NewBreaker(policy.breaker),
	}
	d.name.Store(&addr)
	return d
}

// addr returns the address of the pool.
func (d *dispatcher) addr() string { return *d.name.Load() }

func (d *dispatcher) setPolicy(p dispatchPolicy) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.policy.maxRequests
	d.policy, d.breaker = p, d.breaker.With(p.breaker)
	d.unblock() // there may be more room
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
	if d.drained != nil && d.queued() == 0 {
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
	if !d.policy.prioritised {
		c.priority = 0
	}
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
// all of them; it is not kept. A call that cannot be taken fails at once. One that
// waits for a place in the queue has its caller wait for room, which is closed when
// it has one or is answered; room is nil for all others.
func (d *dispatcher) submit(c *call, frame []byte) (room <-chan struct{}) {
	c.dispatcher = d
	now := wire.Monotonic() // c may be answered and gone before submit returns
	c.queuedAt, c.waitsSince = now, now
	if c.idempotent && c.frames == nil {
		c.frames = append([]byte(nil), frame...) // it may be sent again
	}
	d.mu.Lock()
	if refusal := d.shut(c, now); refusal != nil {
		d.turnAway(c, refusal)
		return nil
	}
	if len(d.idle) > 0 {
		s := d.pick()
		out := s.assign(c, now)
		d.mu.Unlock()
		s.send(out, c, frame)
		return nil
	}
	if d.queue.len() >= d.policy.queueMax {
		return d.overflow(c, frame)
	}
	d.wait(c, frame)
	d.mu.Unlock()
	d.tellCapacity(now)
	return nil
}

// shut returns why the pool takes no calls, nil when it does. mu is held.
func (d *dispatcher) shut(c *call, now int64) *pool.CallError {
	if d.refusal != nil {
		refusal := *d.refusal
		return &refusal
	}
	if d.breaker.On() {
		return d.ask(c, now)
	}
	return nil
}

// turnAway answers a call that is not taken. mu is held, and released.
func (d *dispatcher) turnAway(c *call, why *pool.CallError) {
	first := d.settle(c, outcomeRejected)
	d.mu.Unlock()
	if first {
		d.tellEnd(c, nil, outcomeRejected, why)
		c.sink.fail(c, why)
	}
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

// next gives a free slot its next call, or makes it idle. mu is held. The call
// that is returned must be sent once mu is released.
func (d *dispatcher) next(s *slot) (*call, hop) {
	if d.frozen || !s.admitted || s.out == nil || s.call != nil || d.held(s) || s.spent() {
		s.checkSpent()
		s.checkStuck()
		return nil, hop{}
	}
	c := d.takeWaiting()
	if c == nil {
		d.rest(s)
		return nil, hop{}
	}
	return c, s.assign(c, wire.Monotonic())
}

// looksAt bounds how many idle slots pick compares.
const looksAt = 64

// pick takes the idle slot that gets the next call: of those used most recently, one
// of the worker with the fewest calls. There must be an idle slot. mu is held.
func (d *dispatcher) pick() *slot {
	last := len(d.idle) - 1
	best := last
	for i := last - 1; i >= 0 && i > last-looksAt && d.idle[best].busy > 0; i-- {
		if d.idle[i].busy < d.idle[best].busy {
			best = i
		}
	}
	s := d.idle[best]
	d.idle = append(d.idle[:best], d.idle[best+1:]...)
	s.idle = false
	return s
}

// rest makes a slot idle that is not. mu is held.
func (d *dispatcher) rest(s *slot) {
	if !s.idle {
		s.idle = true
		d.idle = append(d.idle, s)
	}
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
	if c.room != nil {
		c.leaveBlocked()
	}
	if c.trial > 0 {
		d.turn(wire.Monotonic(), dispatch.BreakerEvent{Kind: dispatch.Abandoned, Round: c.trial})
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
	d.unqueue(c, wire.Monotonic())
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

// load is what a status tells of a dispatcher.
type load struct {
	counts pool.CallCounts
	lost   uint64
	// slots counts all that there are, admitted or not.
	busy, available, waiting, slots int
	breaker                         *pool.BreakerStatus
}

func (d *dispatcher) load() load {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := load{counts: d.counts, lost: d.lost, available: len(d.idle), waiting: d.queued(), breaker: d.breaker.Status(wire.Monotonic())}
	for s := range d.workers {
		l.busy += s.busy
		l.slots += len(s.all)
	}
	return l
}
