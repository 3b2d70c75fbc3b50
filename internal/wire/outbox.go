package wire

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
)

// ErrOverflow says that a peer reads too slowly: nothing of the frame was queued
// and the connection is as usable as before.
var ErrOverflow = errors.New("the peer does not read: its buffer is full")

// ErrStopped says that a wait ended because its caller gave it up.
var ErrStopped = errors.New("stopped waiting")

const (
	outboxJoin  = 16 << 10 // parts up to this long together leave in one write
	outboxPiece = 64 << 10 // the flusher's longest write, and the longest buffer it keeps
)

// Outbox writes the frames of one connection, from any goroutine, without ever
// waiting for the peer: what the kernel does not take at once is kept in a
// bounded buffer, which a goroutine of the Outbox drains. Frames leave whole and
// in the order of Send. Nobody else may write to the connection.
type Outbox struct {
	conn  net.Conn
	raw   syscall.RawConn // nil: the connection has none, everything is queued
	try   func(fd uintptr) bool
	limit int

	flusher sync.WaitGroup

	// mu is a leaf. It guards what follows.
	mu       sync.Mutex
	pending  []byte // to be written after what the flusher holds
	spare    []byte // the flusher's former batch, to be used again
	inFlight int    // bytes that the flusher holds
	flushing bool
	room     chan struct{} // closed when bytes leave; nil when nobody waits
	err      error         // why nothing can be sent any more
	joined   []byte

	// What one attempt of raw.Write writes, how much of it was taken, and why no more.
	part    []byte
	taken   int
	problem error
}

// NewOutbox returns an Outbox that keeps at most limit bytes for a slow peer;
// only the rest of a frame that the kernel took in part may exceed it. limit
// must be greater than the longest frame.
func NewOutbox(conn net.Conn, limit int) *Outbox {
	o := &Outbox{conn: conn, limit: limit}
	if sc, ok := conn.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			o.raw = raw
		}
	}
	o.try = o.writeOnce // one closure for all attempts: Send allocates nothing
	return o
}

// Send writes one whole frame, given in one part or several, or several whole
// frames. It does not keep the parts. It returns ErrOverflow, or the error that
// broke the connection.
func (o *Outbox) Send(parts ...[]byte) error {
	total := 0
	for _, p := range parts {
		total += len(p)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	sent := 0
	if !o.flushing && o.raw != nil {
		if sent = o.attempt(total, parts); o.err != nil {
			return o.err
		}
		if sent == total {
			return nil
		}
	}
	if sent == 0 && o.buffered()+total > o.limit {
		return ErrOverflow
	}
	for _, p := range parts {
		skip := min(sent, len(p))
		o.pending = append(o.pending, p[skip:]...)
		sent -= skip
	}
	if !o.flushing {
		o.flushing = true
		o.flusher.Go(o.flush)
	}
	return nil
}

// attempt gives the kernel what it takes without waiting and returns how much
// that was.
func (o *Outbox) attempt(total int, parts [][]byte) int {
	if len(parts) > 1 && total <= outboxJoin {
		o.joined = o.joined[:0]
		for _, p := range parts {
			o.joined = append(o.joined, p...)
		}
		return o.write(o.joined)
	}
	sent := 0
	for _, p := range parts {
		n := o.write(p)
		sent += n
		if n < len(p) {
			break
		}
	}
	return sent
}

func (o *Outbox) write(p []byte) int {
	o.part, o.taken, o.problem = p, 0, nil
	err := o.raw.Write(o.try)
	o.part = nil
	if err == nil {
		err = o.problem
	}
	if err != nil {
		o.fail(err)
	}
	return o.taken
}

// writeOnce is what raw.Write calls. It returns true always: never wait.
func (o *Outbox) writeOnce(fd uintptr) bool {
	for o.taken < len(o.part) {
		n, errno := writeNow(fd, o.part[o.taken:])
		o.taken += n
		switch errno {
		case 0, syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			o.problem = errno
			return true
		}
	}
	return true
}

// flush writes what is pending, waiting for the peer, and ends when nothing is.
func (o *Outbox) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pending) > 0 && o.err == nil {
		batch := o.pending
		o.pending, o.spare = o.spare[:0], nil
		o.inFlight = len(batch)
		for rest := batch; len(rest) > 0 && o.err == nil; {
			rest = rest[o.flushPiece(rest):]
		}
		o.inFlight = 0
		if cap(batch) <= outboxPiece {
			o.spare = batch[:0]
		}
	}
	o.flushing = false
	o.wake()
}

// flushPiece writes the start of b with the lock released and returns how much.
func (o *Outbox) flushPiece(b []byte) int {
	o.mu.Unlock()
	n, err := o.conn.Write(b[:min(len(b), outboxPiece)])
	o.mu.Lock()
	o.inFlight -= n
	if err != nil {
		o.fail(err)
	}
	o.wake()
	return n
}

// fail remembers the first error and drops what cannot be sent any more.
func (o *Outbox) fail(err error) {
	if o.err == nil {
		o.err = fmt.Errorf("cannot write to the peer: %w", err)
	}
	o.pending, o.spare, o.joined = nil, nil, nil
	o.wake()
}

func (o *Outbox) wake() {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}

func (o *Outbox) buffered() int { return len(o.pending) + o.inFlight }

// Buffered returns how many bytes wait for the peer to read.
func (o *Outbox) Buffered() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffered()
}

// Wait returns nil when at most below bytes are buffered, ErrStopped when done
// is closed first, or the error that broke the connection. A producer that may
// be held up calls it before Send; with 0 it flushes.
func (o *Outbox) Wait(done <-chan struct{}, below int) error {
	for {
		room, err := o.watch(below)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-done:
			return ErrStopped
		}
	}
}

// watch returns the channel that tells of progress, or nil when there is nothing
// to wait for.
func (o *Outbox) watch(below int) (<-chan struct{}, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil || o.buffered() <= below {
		return nil, o.err
	}
	if o.room == nil {
		o.room = make(chan struct{})
	}
	return o.room, nil
}

// Close closes the connection, drops what is buffered and waits for the flusher
// to end. Later calls of Send and Wait return an error that is net.ErrClosed. It
// may be called more than once, from any goroutine.
func (o *Outbox) Close() error {
	o.mu.Lock()
	o.fail(net.ErrClosed)
	o.mu.Unlock()
	err := o.conn.Close()
	o.flusher.Wait()
	return err
}
