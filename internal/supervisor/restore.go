package supervisor

import (
	"context"
	"maps"
	"path/filepath"
	"sync"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// listen makes the socket of the workers, or takes over that of the former image.
func (s *Supervisor) listen() (*wire.Listener, error) {
	if s.inherited == nil {
		return wire.ListenUnix(s.workerSocket())
	}
	return wire.InheritListener(s.inherited.Listener, filepath.Clean(s.workerSocket()))
}

// replaced returns how often the image of this process was replaced.
func (s *Supervisor) replaced() int {
	if s.inherited == nil {
		return 0
	}
	return s.inherited.Replaced
}

// restore takes over what a former image left. The workers that are adopted have not
// connected yet, and no client's frame is read before Inherited is served.
func (s *Supervisor) restore() {
	h := s.inherited
	if h == nil {
		return
	}
	s.startedAt = h.StartedAt
	s.events.Continue(h.EventSeq)
	byStream := make([]map[uint64]*call, len(h.Clients))
	for i := range h.Clients {
		l, err := s.restoreClient(&h.Clients[i])
		if err != nil {
			s.log.Error("cannot go on with a client's connection", "err", err)
			continue
		}
		byStream[i] = l.calls
		s.restored = append(s.restored, l)
	}
	for addr, p := range h.Pools {
		r := s.table.runner(addr, nil)
		for _, q := range p.Queue {
			if c := byStream[q.Client][q.Stream]; c != nil && r != nil {
				r.dispatcher.requeue(c)
			}
		}
	}
	s.log.Info("took over from a former image of the supervisor", "clients", len(s.restored))
}

// ServeInherited serves the client connections of a former image until they end or
// ctx does. Call it once, after Booted.
func (s *Supervisor) ServeInherited(ctx context.Context) {
	var all sync.WaitGroup
	for _, l := range s.restored {
		all.Go(func() { l.run(ctx) })
	}
	all.Wait()
}

func (s *Supervisor) restoreClient(h *ClientHandover) (*clientLink, error) {
	accepted, err := wire.InheritConn(h.FD)
	if err != nil {
		return nil, err
	}
	peer, err := s.cfg.Peer(accepted)
	if err != nil {
		return nil, err
	}
	conn, err := wire.Own(accepted)
	if err != nil {
		return nil, err
	}
	l := s.newClientLink(conn, peer)
	l.greeted = h.Greeted
	l.reader.Preload(h.Unread)
	l.out.Resume(h.Unsent)
	for _, told := range h.Calls {
		s.restoreCall(l, told)
	}
	for _, told := range h.Refused {
		id, err := wire.ParseCallID(told.ID)
		if err != nil {
			return nil, err
		}
		c := &call{sink: l, id: id, stream: told.Stream}
		l.calls[told.Stream] = c
		l.assembling[told.Stream] = &assembly{call: c, failure: told.Error}
	}
	return l, nil
}

// restoreCall makes a call that waits or is executed a call of the connection again.
func (s *Supervisor) restoreCall(l *clientLink, told CallHandover) {
	id, err := wire.ParseCallID(told.ID)
	if err != nil {
		s.log.Error("cannot go on with a call", "err", err)
		return
	}
	c := &call{
		sink: l, id: id, stream: told.Stream, deadline: told.Deadline, queuedAt: told.QueuedAt, sentAt: told.SentAt,
		idempotent: told.Idempotent, command: told.Command, frames: told.Frames,
		priority: told.Priority, attempts: told.Attempts, waitsSince: told.WaitsSince, waited: told.Waited, restsUntil: told.RestsUntil, trial: told.Trial,
	}
	l.calls[told.Stream] = c
	r := s.table.runner(told.Pool, nil)
	if r == nil {
		l.fail(c, pool.NewCallError(pool.CategoryUnavailable, "%s is being destroyed", told.Pool))
		return
	}
	c.dispatcher = r.dispatcher
	r.dispatcher.resumeTrial(c)
	switch {
	case told.Asked:
		s.ledger.claim(c, told.Earliest, told.Latest)
		return
	case told.Worker == "":
		return // restore puts it into the queue, in its order
	}
	var w *workerEntry
	r.read(func(r *runner) { w = r.workers[told.Worker] })
	if w == nil || w.slots.at(told.Slot) == nil || !w.slots.at(told.Slot).bind(c) {
		err := pool.NewCallError(pool.CategoryUnavailable, "its worker could not be taken over by the next image of the supervisor")
		err.Started, err.Retryable = true, c.idempotent
		c.failOnce(err)
	}
}

// requeue puts a call of a former image into the queue.
func (d *dispatcher) requeue(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.restsUntil > wire.Monotonic() {
		d.resting.push(c, false)
		d.armQueueTimer(c.restsUntil)
		return
	}
	d.enqueue(c, false)
}

// recall has a pool go on from what a former image knew of it. Call it before the pool
// loop is given its target.
func (s *Supervisor) recall(r *runner) {
	if s.inherited == nil {
		return
	}
	if p, ok := s.inherited.Pools[r.addr()]; ok {
		r.dispatcher.recall(p)
		r.send(recall{past: p.Past, deaths: p.Deaths})
	}
}

// recall tells a pool loop what the one of a former image knew.
type recall struct {
	past   lifecycle.Past
	deaths map[int]*pool.Death
}

func (recall) message() {}

func (r *runner) recall(m recall) {
	maps.Copy(r.deaths, m.deaths)
	r.step(lifecycle.Recall{Past: m.past})
}

// recall goes on from where a former image ended.
func (d *dispatcher) recall(p PoolHandover) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts, d.lost = p.Counts, p.Lost
	for command, s := range p.Suspects {
		d.suspects[command] = suspect{deaths: s.Deaths, last: s.Last}
	}
	d.breaker = d.breaker.Recalled(p.Breaker)
}

// resumeTrial counts a call of a former image that the breaker let in on trial.
func (d *dispatcher) resumeTrial(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.breaker = d.breaker.WithTrial(c.trial)
}

func (s suspects) handover() map[string]SuspectHandover {
	out := map[string]SuspectHandover{}
	for command, known := range s {
		out[command] = SuspectHandover{Deaths: known.deaths, Last: known.last}
	}
	return out
}
