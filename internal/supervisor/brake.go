package supervisor

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// brake stops the readers of connections between two frames, where nothing is half
// done, and lets them go on later. It is safe for concurrent use.
type brake struct {
	engaged atomic.Bool

	// mu guards what follows.
	mu      sync.Mutex
	readers map[*braked]struct{}
	moved   chan struct{} // replaced when a reader stops or leaves
	release chan struct{} // closed when the readers may go on
	pressed chan struct{} // closed while the brake is on
}

// braked is one reader.
type braked struct {
	brake   *brake
	conn    deadliner
	stopped bool // guarded by the brake's mu
}

// deadliner is a connection whose reads can be ended from outside.
type deadliner interface{ SetReadDeadline(time.Time) error }

func newBrake() *brake {
	return &brake{readers: map[*braked]struct{}{}, moved: make(chan struct{}), pressed: make(chan struct{})}
}

// join makes a reader one that the brake stops. It must leave at its end.
func (b *brake) join(conn deadliner) *braked {
	r := &braked{brake: b, conn: conn}
	b.mu.Lock()
	b.readers[r] = struct{}{}
	if b.engaged.Load() {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
	}
	b.tell()
	b.mu.Unlock()
	return r
}

func (r *braked) leave() {
	r.brake.mu.Lock()
	delete(r.brake.readers, r)
	r.brake.tell()
	r.brake.mu.Unlock()
}

// tell wakes who waits for the readers. mu is held.
func (b *brake) tell() {
	close(b.moved)
	b.moved = make(chan struct{})
}

// pass is called between two frames; it waits while the brake is on.
func (r *braked) pass() {
	b := r.brake
	if !b.engaged.Load() {
		return
	}
	b.mu.Lock()
	release := b.release
	if release == nil {
		b.mu.Unlock()
		return // it was let go meanwhile
	}
	r.stopped = true
	b.tell()
	b.mu.Unlock()
	<-release
	_ = r.conn.SetReadDeadline(time.Time{})
}

// caught reports whether a read ended because of the brake and is to be tried again:
// at once where something is half done, after pass otherwise.
func (r *braked) caught(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || !r.brake.engaged.Load() {
		return false
	}
	_ = r.conn.SetReadDeadline(time.Time{})
	return true
}

// await waits for something that no frame brings, but not while the brake is on.
func (r *braked) await(room <-chan struct{}) {
	r.brake.mu.Lock()
	pressed := r.brake.pressed
	r.brake.mu.Unlock()
	select {
	case <-room:
	case <-pressed:
	}
}

// stop stops all readers and waits until they have stopped, or reports false when
// give up is closed before.
func (b *brake) stop(giveUp <-chan struct{}) bool {
	b.mu.Lock()
	b.release = make(chan struct{})
	b.engaged.Store(true)
	close(b.pressed)
	for r := range b.readers {
		_ = r.conn.SetReadDeadline(time.Unix(1, 0))
	}
	for {
		waiting := false
		for r := range b.readers {
			waiting = waiting || !r.stopped
		}
		moved := b.moved
		b.mu.Unlock()
		if !waiting {
			return true
		}
		select {
		case <-moved:
		case <-giveUp:
			return false
		}
		b.mu.Lock()
	}
}

// goOn lets the readers go on.
func (b *brake) goOn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.engaged.Load() {
		return
	}
	b.engaged.Store(false)
	b.pressed = make(chan struct{})
	for r := range b.readers {
		r.stopped = false
		_ = r.conn.SetReadDeadline(time.Time{})
	}
	close(b.release)
	b.release = nil
}
