package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/pool"
)

// errHeld ends a connection for the HTTP server that another image goes on with.
var errHeld = errors.New("the connection is being handed over")

// Held is a connection that no request is on, and what was read of it.
type Held struct {
	Conn   *net.UnixConn
	Unread []byte
}

// hold knows the connections that are no frame connections, so that they can change
// hands: those whose first bytes are awaited, and those of the HTTP server. It is safe
// for concurrent use.
type hold struct {
	// mu guards what follows and the fields of peerConns that say so. It is a leaf.
	mu      sync.Mutex
	on      bool
	release chan struct{} // closed when a hold ends
	moved   chan struct{} // replaced at each change
	sorting map[*net.UnixConn]struct{}
	web     map[*peerConn]struct{}
	held    []Held
	// paused: the accept loop waits for release.
	paused bool
	// streams ends when answers without an end are to end.
	streams    context.Context
	endStreams context.CancelFunc
}

func newHold() *hold {
	h := &hold{moved: make(chan struct{}), sorting: map[*net.UnixConn]struct{}{}, web: map[*peerConn]struct{}{}}
	h.streams, h.endStreams = context.WithCancel(context.Background())
	return h
}

// change runs fn and tells who waits.
func (h *hold) change(fn func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fn()
	close(h.moved)
	h.moved = make(chan struct{})
}

// catch holds a connection that waits for its first bytes. It reports whether it did.
func (h *hold) catch(conn *net.UnixConn, unread []byte, err error) (caught bool) {
	h.change(func() {
		delete(h.sorting, conn)
		if caught = h.on && errors.Is(err, os.ErrDeadlineExceeded); caught {
			h.held = append(h.held, Held{conn, unread})
		}
	})
	return caught
}

// expect notes a connection whose first bytes are awaited.
func (h *hold) expect(conn *net.UnixConn) {
	h.change(func() { h.sorting[conn] = struct{}{} })
}

// sorted notes that somebody serves the connection; web, if not nil, is the HTTP server's.
func (h *hold) sorted(conn *net.UnixConn, web *peerConn) {
	h.change(func() {
		delete(h.sorting, conn)
		if web != nil {
			h.web[web] = struct{}{}
		}
	})
}

// awaitRelease is what the accept loop does while connections are held.
func (h *hold) awaitRelease() {
	var release chan struct{}
	h.change(func() {
		if h.paused = h.on; h.on {
			release = h.release
		}
	})
	if release != nil {
		<-release
	}
}

// untilHeld returns a context for an answer that has no end of its own.
func (s *Server) untilHeld(request context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(request)
	s.hold.mu.Lock()
	streams := s.hold.streams
	s.hold.mu.Unlock()
	stop := context.AfterFunc(streams, cancel)
	return ctx, func() { stop(); cancel() }
}

// Hold takes no new connection and no new request, waits until those that go on have
// ended, but for the one that is asked by, and returns the connections that are left.
// Answers without an end of their own are ended. When it fails everything goes on.
func (s *Server) Hold(ctx context.Context, by *http.Request) ([]Held, error) {
	h, exempt := s.hold, by.Context().Value(connKey{})
	past := time.Unix(1, 0)
	h.change(func() {
		h.on, h.release, h.paused, h.held = true, make(chan struct{}), false, nil
		h.endStreams()
		for conn := range h.sorting {
			_ = conn.SetReadDeadline(past)
		}
		for c := range h.web {
			if c.idle && !c.touched {
				_ = c.SetReadDeadline(past)
			}
		}
	})
	_ = s.listener.SetDeadline(past)
	for {
		h.mu.Lock()
		left := 0
		for c := range h.web {
			if any(c) != exempt {
				left++
			}
		}
		done := left == 0 && len(h.sorting) == 0 && h.paused
		moved, held := h.moved, h.held
		h.mu.Unlock()
		if done {
			return held, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			s.Release()
			return nil, pool.NewCallError(pool.CategoryUnavailable, "%s", fmt.Sprintf("%d HTTP requests still go on", left))
		}
	}
}

// Release lets everything go on after Hold.
func (s *Server) Release() {
	h := s.hold
	_ = s.listener.SetDeadline(time.Time{})
	var held []Held
	h.change(func() {
		held, h.held, h.on = h.held, nil, false
		h.streams, h.endStreams = context.WithCancel(context.Background())
		close(h.release)
	})
	s.takeUp(held)
}

// takeUp goes on with connections that were held, here or by a former image.
func (s *Server) takeUp(held []Held) {
	for _, c := range held {
		_ = c.Conn.SetReadDeadline(time.Time{})
		s.links.Go(func() { s.sort(s.serving, c.Conn, c.Unread) })
	}
}

// peerConn is a connection of the HTTP server, with who is at its other end. It may be
// taken away between two requests.
type peerConn struct {
	*net.UnixConn
	peer  access.Peer
	hold  *hold
	first []byte // read before the server had it; its reader's own

	// What follows is guarded by hold.mu. idle: no request goes on. touched: bytes of
	// the next one were read. handed: the connection is not the server's any more.
	// ahead: the server holds a byte of the next request.
	idle, touched, handed, ahead bool
}

// Read implements net.Conn.
func (c *peerConn) Read(p []byte) (int, error) {
	if c.give(c.first) {
		return 0, errHeld
	}
	n, err := 0, error(nil)
	if len(c.first) > 0 {
		n = copy(p, c.first)
		c.first = c.first[n:]
	} else {
		n, err = c.UnixConn.Read(p)
	}
	if n > 0 {
		c.hold.mu.Lock()
		c.touched = true
		// While it answers, the HTTP server reads a byte ahead, to notice that the client
		// leaves: here it is the first one of the next request, which it keeps.
		c.ahead = c.ahead || !c.idle && len(p) == 1
		c.hold.mu.Unlock()
	} else if errors.Is(err, os.ErrDeadlineExceeded) && c.give(nil) {
		return 0, errHeld
	}
	return n, err
}

// give hands the connection over if it is held and nothing goes on.
func (c *peerConn) give(unread []byte) bool {
	c.hold.mu.Lock()
	may := c.hold.on && c.idle && !c.touched && !c.handed
	c.hold.mu.Unlock()
	if !may {
		return false
	}
	c.hold.change(func() {
		c.handed = true
		delete(c.hold.web, c)
		c.hold.held = append(c.hold.held, Held{c.UnixConn, unread})
	})
	return true
}

// Close implements net.Conn.
func (c *peerConn) Close() error {
	c.hold.mu.Lock()
	handed := c.handed
	c.hold.mu.Unlock()
	if handed {
		return nil
	}
	c.hold.change(func() { delete(c.hold.web, c) })
	return c.UnixConn.Close()
}

// follow keeps up with what the HTTP server does with its connections.
func (h *hold) follow(conn net.Conn, state http.ConnState) {
	c := conn.(*peerConn) //nolint:forcetypeassert // handoff gives these alone
	h.mu.Lock()
	defer h.mu.Unlock()
	switch state {
	case http.StateIdle, http.StateNew:
		c.idle, c.touched, c.ahead = true, c.ahead, false
	case http.StateActive, http.StateHijacked, http.StateClosed:
		c.idle = false
	}
}
