package api

import (
	"context"
	"log/slog"
	"net"
	"net/http"
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
	// strangers bounds the connections of peers that may do nothing at all.
	strangers chan struct{}
}

// New returns a server for the backend.
func New(backend Backend, log *slog.Logger) *Server {
	s := &Server{backend: backend, log: log, web: newHandoff(), strangers: make(chan struct{}, maxStrangers)}
	s.http = &http.Server{
		Handler:           refuseBrowsers(s.routes()),
		ConnContext:       withPeer,
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
	s.web.end = end
	select {
	case <-s.backend.Booted():
	case <-ctx.Done():
	}
	return l.AcceptEach(func(conn *net.UnixConn) {
		s.links.Go(func() { s.sort(links, conn) })
	}, func(err error) { s.log.Warn("cannot accept clients for now", "err", err) })
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

// sort decides by the first bytes who serves a connection.
func (s *Server) sort(ctx context.Context, conn *net.UnixConn) {
	peer, err := peerOf(conn)
	if err != nil {
		s.log.Warn("refused a connection", "err", err)
		_ = conn.Close()
		return
	}
	if !s.backend.Access().Knows(peer) {
		s.turnAway(ctx, conn, peer)
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	frames, rest, err := wire.Sniff(conn)
	stop()
	if err != nil {
		_ = conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	if frames {
		fast, err := wire.Own(conn)
		if err != nil {
			s.log.Error("cannot serve a client", "err", err)
			_ = conn.Close()
			return
		}
		s.backend.ServeClient(ctx, fast, peer)
		return
	}
	s.web.give(&peerConn{Conn: rest, peer: peer})
}

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
