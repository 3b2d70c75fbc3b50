package event

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Kept is how many events that are not of requests a hub remembers.
	Kept = 4096
	// queued is how many events may wait for one subscriber.
	queued = 8192
)

// ErrClosed says that the hub tells nothing any more: the supervisor ends.
var ErrClosed = errors.New("the supervisor ended")

// Hub hands events to subscribers. Make it with NewHub. It is safe for concurrent
// use, and a nil Hub is one that nobody listens to.
type Hub struct {
	// requests counts the subscribers that want events of requests.
	requests atomic.Int32

	// mu guards what follows and the queues of subscriptions. It is a leaf.
	mu     sync.Mutex
	seq    uint64
	recent ring
	subs   map[*Subscription]struct{}
	closed bool
}

// NewHub returns a hub.
func NewHub() *Hub {
	return &Hub{recent: ring{most: Kept}, subs: map[*Subscription]struct{}{}}
}

// WantsRequests reports whether anybody listens to events of requests: ask before
// making one. It costs one atomic read.
func (h *Hub) WantsRequests() bool { return h != nil && h.requests.Load() > 0 }

// Publish tells an event to every subscriber whose filter takes it. It never
// waits for one of them.
func (h *Hub) Publish(b Body) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.seq++
	r := Record{Seq: h.seq, TS: time.Now().UTC(), Data: b}
	if !isRequest(b.Type()) {
		h.recent.push(r)
	}
	for s := range h.subs {
		if s.filter.Match(b) {
			s.push(r)
		}
	}
}

// Subscribe returns a subscription to what happens from now on and, unless since
// is zero, to what is remembered from that moment on. The caller must close it.
func (h *Hub) Subscribe(f Filter, since time.Time) *Subscription {
	s := &Subscription{hub: h, filter: f, queue: ring{most: queued}, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !since.IsZero() {
		for _, r := range h.recent.all() {
			if !r.TS.Before(since) && f.Match(r.Data) {
				s.push(r)
			}
		}
	}
	h.subs[s] = struct{}{}
	if f.requests() {
		h.requests.Add(1)
	}
	return s
}

// Seq returns the number of the last event.
func (h *Hub) Seq() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seq
}

// Continue goes on counting after the last event of a former image of the process.
func (h *Hub) Continue(seq uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq = max(h.seq, seq)
}

// Close ends every subscription once its reader has what was told before.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subs {
		s.signal()
	}
}

// Subscription is one reader's queue of events.
type Subscription struct {
	hub    *Hub
	filter Filter
	// wake holds a token when there may be something to read.
	wake chan struct{}

	// What follows is guarded by the hub's mu.

	queue   ring
	dropped uint64
	ended   bool
}

// push appends an event; the oldest one makes room for it. The hub's mu is held.
func (s *Subscription) push(r Record) {
	if s.queue.push(r) {
		s.dropped++
	}
	s.signal()
}

func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Pending returns the events that wait, without waiting for more. The first one
// says how many were dropped before it.
func (s *Subscription) Pending() []Record {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.take()
}

func (s *Subscription) take() []Record {
	records := s.queue.all()
	s.queue = ring{most: s.queue.most}
	if len(records) > 0 {
		records[0].Dropped, s.dropped = s.dropped, 0
	}
	return records
}

// Next waits for events and returns all that wait. The error is ErrClosed after
// the last event of the supervisor, or that of ctx.
func (s *Subscription) Next(ctx context.Context) ([]Record, error) {
	for {
		s.hub.mu.Lock()
		records, closed := s.take(), s.hub.closed
		s.hub.mu.Unlock()
		if len(records) > 0 {
			return records, nil
		}
		if closed {
			return nil, ErrClosed
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends the subscription. It may be called more than once.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	delete(s.hub.subs, s)
	if s.filter.requests() {
		s.hub.requests.Add(-1)
	}
}

// ring keeps the last most records.
type ring struct {
	most    int
	records []Record
	first   int
}

// push adds a record and reports whether the oldest one was lost for it.
func (r *ring) push(rec Record) bool {
	if len(r.records) < r.most {
		r.records = append(r.records, rec)
		return false
	}
	r.records[r.first] = rec
	r.first = (r.first + 1) % r.most
	return true
}

// all returns the records in their order. The slice is the caller's.
func (r *ring) all() []Record {
	out := make([]Record, 0, len(r.records))
	return append(append(out, r.records[r.first:]...), r.records[:r.first]...)
}
