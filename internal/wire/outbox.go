package wire

import (
	"errors"
	"fmt"
	"net"
	"os"
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
	halted   bool          // the flusher is to end, and what it has not written is taken
	lifted   bool          // there is no limit
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
	if o.halted {
		return ErrStopped
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
	if sent == 0 && !o.lifted && o.buffered()+total > o.limit {
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
	for len(o.pending) > 0 && o.err == nil && !o.halted {
		batch := o.pending
		o.pending, o.spare = o.spare[:0], nil
		o.inFlight = len(batch)
		rest := batch
		for len(rest) > 0 && o.err == nil && !o.halted {
			rest = rest[o.flushPiece(rest):]
		}
		o.inFlight = 0
		if len(rest) > 0 && o.err == nil {
			o.pending = append(append([]byte(nil), rest...), o.pending...)
			break
		}
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
	if err != nil && (!o.halted || !errors.Is(err, os.ErrDeadlineExceeded)) {
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
	if o.err != nil || o.lifted || o.buffered() <= below {
		return nil, o.err
	}
	if o.room == nil {
		o.room = make(chan struct{})
	}
	return o.room, nil
}

// Lift takes the limit away, or sets it again: nobody waits for the peer meanwhile.
func (o *Outbox) Lift(on bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lifted = on
	o.wake()
}

// Halt stops the flusher between two writes and returns what it has not written: the
// rest of a frame, then whole ones. Nothing may be sent until Resume.
func (o *Outbox) Halt(poke func()) ([]byte, error) {
	o.mu.Lock()
	o.halted = true
	o.mu.Unlock()
	poke() // a flusher that waits for its peer
	o.flusher.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]byte(nil), o.pending...), o.err
}

// Resume goes on after Halt, or begins with the bytes that a former Outbox of the
// connection had not written.
func (o *Outbox) Resume(unsent []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.halted = false
	o.pending = append([]byte(nil), unsent...)
	if len(o.pending) > 0 && o.err == nil {
		o.flushing = true
		o.flusher.Go(o.flush)
	}
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
