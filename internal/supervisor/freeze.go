package supervisor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// Frozen is a supervisor that stands still: no frame is read or sent and no call
// changes its place, while workers execute what they have. Thaw lets it go on.
type Frozen struct {
	Handover Handover
	// Keep are the descriptors that the next image needs.
	Keep []int

	sup       *Supervisor
	operation *Operation
	links     []*clientLink
	unsent    [][]byte
	runners   []*runner
}

// Freeze brings the supervisor to a stand, so that another image of the process may
// go on from what it returns. When that takes longer than ctx allows, or an operation
// goes on, the supervisor goes on as if nothing had been.
func (s *Supervisor) Freeze(ctx context.Context) (*Frozen, error) {
	f := &Frozen{sup: s, operation: newOperation("the supervisor's replacement"), runners: s.table.all()}
	if other := s.operations.begin(f.operation); other != nil {
		return nil, pool.NewCallError(pool.CategoryUnavailable, "%s is applying since %s (%s): wait for it", other.By,
			other.At.Local().Format(time.TimeOnly), other.ID)
	}
	if err := f.halt(ctx); err != nil {
		f.Thaw()
		return nil, err
	}
	if err := f.describe(); err != nil {
		f.Thaw()
		return nil, err
	}
	select {
	case <-s.shutdown:
		f.Thaw()
		return nil, errStopping
	default:
		return f, nil
	}
}

// halt stops what moves, from the callers to the workers: first no call begins, then
// none is given out, then none ends.
func (f *Frozen) halt(ctx context.Context) error {
	s := f.sup
	if !s.clients.brake.stop(ctx.Done()) {
		return notAtRest("a client's connection does not come to rest")
	}
	f.links = s.clients.all()
	for _, l := range f.links {
		l.out.Lift(true) // an answer that is half delivered is read to its end
	}
	if err := f.awaitLeaving(ctx); err != nil {
		return err
	}
	for _, r := range f.runners {
		for _, out := range r.dispatcher.freeze() {
			if err := out.Wait(ctx.Done(), 0); errors.Is(err, wire.ErrStopped) {
				return notAtRest("a worker of " + r.addr() + " has not read its call yet")
			}
		}
	}
	if !s.slotBrake.stop(ctx.Done()) {
		return notAtRest("a worker is in the midst of a long answer")
	}
	return s.keeper.now(func(store) error { return nil }) // what was noted is written
}

// notAtRest says why the supervisor cannot stand still in time.
func notAtRest(why string) error {
	err := pool.NewCallError(pool.CategoryDeadline, "the supervisor cannot be replaced now: %s", why)
	err.Hint = "nothing has changed; try again, or allow more time with --timeout"
	return err
}

// awaitLeaving waits for the calls of workers that are on their way out: the next image
// does not adopt those.
func (f *Frozen) awaitLeaving(ctx context.Context) error {
	const every = 2 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		last := ""
		for _, r := range f.runners {
			if w := r.dispatcher.lastCall(); w != nil {
				last = w.incarnation()
			}
		}
		if last == "" {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return notAtRest(last + " leaves and has not finished its last call")
		}
	}
}

// lastCall returns a worker that drains and still executes a call, nil for none.
func (d *dispatcher) lastCall() *workerEntry {
	d.mu.Lock()
	defer d.mu.Unlock()
	for w := range d.workers {
		if w.draining && slices.ContainsFunc(w.all, func(s *slot) bool { return s.call != nil && s.call.sink != nil }) {
			return w.worker
		}
	}
	return nil
}

// freeze keeps every call where it is and returns the connections of the slots.
func (d *dispatcher) freeze() []*wire.Outbox {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.frozen = true
	var out []*wire.Outbox
	for w := range d.workers {
		for _, s := range w.all {
			if s.out != nil {
				out = append(out, s.out)
			}
		}
	}
	return out
}

// thaw lets the calls go on.
func (d *dispatcher) thaw() {
	var work errands
	d.mu.Lock()
	d.frozen = false
	for w := range d.workers {
		for _, s := range w.all {
			if s.call != nil {
				s.timerAt = 0
				s.arm(s.call.wantedUntil)
			}
		}
		work = append(work, d.employ(w.all)...)
	}
	d.timerAt = 0
	if d.queued() > 0 {
		d.armQueueTimer(wire.Monotonic())
	}
	d.mu.Unlock()
	work.send()
	d.offer()
}

// Thaw lets the supervisor go on.
func (f *Frozen) Thaw() {
	s := f.sup
	s.slotBrake.goOn()
	for _, r := range f.runners {
		r.dispatcher.thaw()
	}
	for i, l := range f.links {
		if i < len(f.unsent) {
			_ = l.conn.SetWriteDeadline(time.Time{})
			l.out.Resume(f.unsent[i])
		}
		l.out.Lift(false)
		l.mu.Lock()
		l.frozen = false
		missed := l.missed
		l.missed = nil
		l.mu.Unlock()
		for _, finish := range missed {
			finish()
		}
	}
	s.clients.brake.goOn()
	s.operations.end(f.operation)
}

// describe writes down what the next image has to know. Everything stands still.
func (f *Frozen) describe() error {
	s := f.sup
	f.Handover = Handover{
		StartedAt: s.startedAt, Replaced: s.replaced() + 1, EventSeq: s.events.Seq(), Pools: map[string]PoolHandover{},
	}
	var err error
	if f.Handover.Listener, err = wire.Descriptor(s.listener); err != nil {
		return err
	}
	f.Handover.Lock = s.keeper.store.LockDescriptor()
	f.Keep = []int{f.Handover.Lock, f.Handover.Listener}
	index := map[*clientLink]int{}
	for _, l := range f.links {
		c, err := l.describe()
		f.unsent = append(f.unsent, c.Unsent)
		if err != nil {
			s.log.Debug("a client is gone", "err", err)
			continue
		}
		index[l] = len(f.Handover.Clients)
		f.Keep = append(f.Keep, c.FD)
		f.Handover.Clients = append(f.Handover.Clients, c)
	}
	for _, r := range f.runners {
		p := r.dispatcher.describe(index)
		r.read(func(r *runner) { p.Past, p.Deaths = r.machine.Past(), maps.Clone(r.deaths) })
		f.Handover.Pools[r.addr()] = p
	}
	return nil
}

func (d *dispatcher) describe(index map[*clientLink]int) PoolHandover {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := PoolHandover{Counts: d.counts, Lost: d.lost, Suspects: d.suspects.handover(), Breaker: d.breaker.Past()}
	for _, line := range []*waiting{&d.queue, &d.blocked, &d.resting} {
		for c := range line.all() {
			l, ok := c.sink.(*clientLink)
			if _, here := index[l]; ok && here {
				p.Queue = append(p.Queue, QueuedCall{Client: index[l], Stream: c.stream})
			}
		}
	}
	return p
}

// describe stops the connection for good, unless Thaw follows, and writes down what
// belongs to it.
func (l *clientLink) describe() (ClientHandover, error) {
	conn, ok := l.conn.(syscall.Conn)
	if !ok {
		return ClientHandover{}, errors.New("it is no socket")
	}
	fd, err := wire.Descriptor(conn)
	if err != nil {
		return ClientHandover{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = true
	unsent, err := l.out.Halt(func() { _ = l.conn.SetWriteDeadline(time.Unix(1, 0)) })
	if err != nil {
		return ClientHandover{}, fmt.Errorf("a client is gone: %w", err)
	}
	h := ClientHandover{FD: fd, Greeted: l.greeted, Unsent: unsent}
	for stream, c := range l.calls {
		switch a := l.assembling[stream]; {
		case a == nil:
			h.Calls = append(h.Calls, c.handover())
		case a.failure != nil:
			h.Refused = append(h.Refused, RefusedCall{Stream: stream, ID: c.id.String(), Error: a.failure})
		default:
			h.Unread = append(h.Unread, c.asReceived()...)
		}
	}
	h.Unread = append(h.Unread, l.reader.Unread()...)
	return h, nil
}

func (c *call) handover() CallHandover {
	var bounds entry
	if c.dispatcher != nil {
		bounds = c.dispatcher.ledger.claimOf(c)
	}
	h := CallHandover{Stream: c.stream, ID: c.id.String(), Deadline: c.deadline, QueuedAt: c.queuedAt, SentAt: c.sentAt, Command: c.command}
	if c.dispatcher == nil {
		return h
	}
	d := c.dispatcher
	d.mu.Lock()
	defer d.mu.Unlock()
	h.Pool, h.Idempotent = d.addr(), c.idempotent
	h.Priority, h.Attempts, h.WaitsSince, h.Waited, h.RestsUntil = c.priority, c.attempts, c.waitsSince, c.waited, c.restsUntil
	h.Trial = c.trial
	if c.slot != nil {
		h.Worker, h.Slot = c.slot.worker.rec.Incarnation, c.slot.number
	} else if c.line == nil {
		h.Asked, h.Earliest, h.Latest = true, bounds.earliest, bounds.latest
	}
	if c.line != nil || c.idempotent {
		h.Frames = slices.Clone(c.frames)
	}
	return h
}

// asReceived returns the frames of a call as its client would send them now.
func (c *call) asReceived() []byte {
	frames := slices.Clone(c.frames)
	stampFrames(frames, c.stream, max(1, c.deadline-wire.Monotonic()))
	return frames
}
