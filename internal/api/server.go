package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/wire"
)

// Server serves one listener. Make it with New.
type Server struct {
	backend Backend
	log     *slog.Logger
	http    *http.Server
	web     *handoff
	links   sync.WaitGroup
	hold    *hold
	// inherited are connections of a former image of this process; set before Serve.
	inherited []Held
	listener  *wire.Listener
	serving   context.Context // of the connections
	// strangers bounds the connections of peers that may do nothing at all.
	strangers chan struct{}
}

// New returns a server for the backend.
func New(backend Backend, log *slog.Logger) *Server {
	s := &Server{backend: backend, log: log, web: newHandoff(), hold: newHold(), strangers: make(chan struct{}, maxStrangers)}
	s.http = &http.Server{
		Handler:           refuseBrowsers(s.routes()),
		ConnContext:       withPeer,
		ConnState:         s.hold.follow,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s
}

// Serve accepts connections as soon as the backend has booted and until ctx ends,
// then takes no new one. Connections that exist go on: Close ends them.
func (s *Server) Serve(ctx context.Context, l *wire.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	s.web.addr = l.Addr()
	var web sync.WaitGroup
	web.Go(func() { _ = s.http.Serve(s.web) })
	links, end := context.WithCancel(context.WithoutCancel(ctx))
	s.web.end, s.listener, s.serving = end, l, links
	select {
	case <-s.backend.Booted():
	case <-ctx.Done():
	}
	s.links.Go(func() { s.backend.ServeInherited(links) })
	s.takeUp(s.inherited)
	for {
		err := l.AcceptEach(func(conn *net.UnixConn) {
			s.hold.expect(conn)
			s.links.Go(func() { s.sort(links, conn, nil) })
		}, func(err error) { s.log.Warn("cannot accept clients for now", "err", err) })
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		s.hold.awaitRelease()
	}
}

// Close ends every connection. Answers that are being written have a second.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.web.Close()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	if s.web.end != nil {
		s.web.end()
	}
	s.links.Wait()
}

// sort decides by the first bytes who serves a connection; unread are those that were
// read already.
func (s *Server) sort(ctx context.Context, conn *net.UnixConn, unread []byte) {
	peer, err := PeerOf(conn)
	if err != nil || !s.backend.Access().Knows(peer) {
		s.hold.sorted(conn, nil)
		if err == nil {
			s.turnAway(ctx, conn, peer)
			return
		}
		s.log.Warn("refused a connection", "err", err)
		_ = conn.Close()
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	first, err := s.firstBytes(conn, unread)
	stop()
	if err != nil {
		if !s.hold.catch(conn, first, err) {
			_ = conn.Close()
		}
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	if string(first) == wire.Preface {
		fast, err := wire.Own(conn)
		if err != nil {
			s.log.Error("cannot serve a client", "err", err)
			s.hold.sorted(conn, nil)
			_ = conn.Close()
			return
		}
		serve := s.backend.TakeClient(fast, peer)
		s.hold.sorted(conn, nil)
		serve(ctx)
		return
	}
	web := &peerConn{UnixConn: conn, peer: peer, hold: s.hold, first: first, idle: true}
	s.hold.sorted(conn, web)
	s.web.give(web)
}

// firstBytes reads as much as the preface has, behind what was read before.
func (s *Server) firstBytes(conn *net.UnixConn, unread []byte) ([]byte, error) {
	if len(unread) >= len(wire.Preface) {
		return unread, nil
	}
	s.hold.mu.Lock()
	if !s.hold.on {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	}
	s.hold.mu.Unlock()
	first := make([]byte, len(wire.Preface))
	n := copy(first, unread)
	more, err := io.ReadFull(conn, first[n:])
	return first[:n+more], err
}

// Inherit takes over connections that a former image of this process held. Call it
// before Serve.
func (s *Server) Inherit(held []Held) { s.inherited = held }

// handoff is the listener of the HTTP server: its connections were accepted and
// looked at elsewhere.
type handoff struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	addr  net.Addr
	end   context.CancelFunc
}

func newHandoff() *handoff {
	return &handoff{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (h *handoff) give(conn net.Conn) {
	select {
	case h.conns <- conn:
	case <-h.done:
		_ = conn.Close()
	}
}

// Accept implements net.Listener.
func (h *handoff) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handoff) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// Addr implements net.Listener.
func (h *handoff) Addr() net.Addr { return h.addr }

// refuseBrowsers keeps pages of other sites out: no browser can send a request
// here without one of these headers.
func refuseBrowsers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || r.Header.Get("Referer") != "" {
			http.Error(w, "requests from web pages are refused", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
