package client_test

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// supervisor stands in for the real one: real sockets and frames, and a Go
// function in place of a worker.
type supervisor struct {
	socket   string
	commands map[string]func(*call)
	mux      *http.ServeMux
	// attach answers for calls that were made through another connection; nil knows none.
	attach func(*call)
	// ended receives "cancel" or "disconnect" for each call that ends so.
	ended chan string

	listener *wire.Listener
	web      *http.Server
	webConns chan net.Conn
	quit     chan struct{}
	serving  sync.WaitGroup

	mu    sync.Mutex // guards what follows
	conns []net.Conn
	links int // frame connections accepted
}

// call is one call as the supervisor sees it.
type call struct {
	wire.Call
	body   []byte
	out    *wire.Outbox
	conn   net.Conn
	stream uint64
	ended  chan struct{} // closed on CANCEL or disconnect
	end    sync.Once
}

// startSupervisor serves until the test ends.
func startSupervisor(t testing.TB, commands map[string]func(*call), more ...func(*supervisor)) *supervisor {
	t.Helper()
	s := &supervisor{
		socket: filepath.Join(t.TempDir(), "supervisor.sock"), commands: commands, mux: http.NewServeMux(),
		ended: make(chan string, 100), webConns: make(chan net.Conn), quit: make(chan struct{}),
	}
	for _, set := range more {
		set(s)
	}
	s.listen(t)
	t.Cleanup(s.stop)
	return s
}

func (s *supervisor) listen(t testing.TB) {
	t.Helper()
	l, err := wire.ListenUnix(s.socket)
	if err != nil {
		t.Fatal(err)
	}
	s.listener = l
	s.web = &http.Server{Handler: s.mux, ReadHeaderTimeout: time.Minute}
	s.serving.Go(func() { _ = s.web.Serve(webListener{s}) })
	s.serving.Go(func() {
		for {
			conn, err := l.AcceptUnix()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			s.serving.Go(func() { s.serve(conn) })
		}
	})
}

// stop ends everything, as the death of the process would.
func (s *supervisor) stop() {
	select {
	case <-s.quit:
		return
	default:
	}
	close(s.quit)
	_ = s.listener.Close()
	_ = s.web.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// restart stops and serves again on the same path.
func (s *supervisor) restart(t testing.TB) {
	t.Helper()
	s.stop()
	s.quit = make(chan struct{})
	s.listen(t)
}

func (s *supervisor) linkCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links
}

// webListener hands the connections that are not frames to the HTTP server.
type webListener struct{ s *supervisor }

func (l webListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.s.webConns:
		return c, nil
	case <-l.s.quit:
		return nil, net.ErrClosed
	}
}
func (l webListener) Close() error   { return nil }
func (l webListener) Addr() net.Addr { return l.s.listener.Addr() }

func (s *supervisor) serve(conn net.Conn) {
	frames, rest, err := wire.Sniff(conn)
	if err != nil {
		return
	}
	if !frames {
		select {
		case s.webConns <- rest:
		case <-s.quit:
		}
		return
	}
	s.mu.Lock()
	s.links++
	s.mu.Unlock()
	out := wire.NewOutbox(conn, 1<<20)
	defer out.Close()
	r := wire.NewReader(conn)
	hello, err := wire.ReadHello(r)
	if err != nil {
		return
	}
	ack, err := wire.Negotiate(hello, "fake/1")
	if err != nil {
		return
	}
	frame, err := wire.AppendJSON(nil, wire.Header{Type: wire.TypeHelloAck}, ack)
	if err != nil || out.Send(frame) != nil {
		return
	}
	r.SetLimit(wire.MaxPayload)
	s.serveCalls(conn, r, out)
}

func (s *supervisor) serveCalls(conn net.Conn, r *wire.Reader, out *wire.Outbox) {
	var current *call
	end := func(why string) {
		if current != nil {
			current.end.Do(func() {
				s.ended <- why
				close(current.ended)
			})
		}
	}
	defer end("disconnect")
	var body wire.Assembler
	for {
		h, frame, err := r.ReadFrame()
		if err != nil {
			return
		}
		part := wire.Payload(frame)
		switch h.Type {
		case wire.TypeCancel:
			end("cancel")
			continue
		case wire.TypeCall:
			parsed, err := wire.ParseCall(slices.Clone(part))
			if err != nil {
				return
			}
			if current != nil {
				current.end.Do(func() {}) // answered already
			}
			current = &call{Call: parsed, out: out, conn: conn, stream: h.Stream, ended: make(chan struct{})}
			part = parsed.Body
		case wire.TypeAttach:
			s.serveAttach(part, out, conn)
			continue
		case wire.TypeChunk:
		default:
			return
		}
		if body.Add(part) != nil {
			return
		}
		if !h.End() {
			continue
		}
		current.body = body.Take()
		c, handle := current, s.commands[string(current.Command)]
		s.serving.Go(func() { handle(c) })
	}
}

func (s *supervisor) serveAttach(payload []byte, out *wire.Outbox, conn net.Conn) {
	attach, err := wire.ParseAttach(payload)
	if err != nil {
		return
	}
	for _, told := range attach.Calls {
		id, err := wire.ParseCallID(told.ID)
		if err != nil {
			return
		}
		c := &call{out: out, conn: conn, stream: told.Stream, ended: make(chan struct{})}
		c.ID, c.Deadline = id, told.DeadlineNS
		if told.Idempotent {
			c.Bits = wire.BitIdempotent
		}
		if s.attach != nil {
			s.attach(c)
		} else {
			c.fail(&pool.CallError{Category: pool.CategoryUnavailable, Message: "its outcome is unknown", Started: true})
		}
	}
}

// result answers with a body, in as many frames as it needs.
func (c *call) result(body []byte) {
	payload, err := wire.AppendResult(nil, &wire.Result{Queue: 5, Exec: 7, Codec: wire.CodecJSON, Worker: []byte("pool.api/0@7f2c")})
	if err != nil {
		panic(err)
	}
	first, rest := wire.SplitBody(body, len(payload))
	h := wire.Header{Type: wire.TypeResult, Stream: c.stream}
	if len(rest) == 0 {
		h.Flags = wire.FlagEnd
	}
	c.send(wire.AppendFrame(nil, h, append(payload, first...)))
	for len(rest) > 0 {
		var chunk wire.Header
		var part []byte
		chunk, part, rest = wire.NextChunk(rest, c.stream)
		c.send(wire.AppendFrame(nil, chunk, part))
	}
}

func (c *call) error(category pool.Category, message string) {
	c.fail(pool.NewCallError(category, "%s", message))
}

func (c *call) fail(e *pool.CallError) {
	frame, err := wire.AppendJSON(nil, wire.Header{Type: wire.TypeError, Flags: wire.FlagEnd, Stream: c.stream}, e)
	if err != nil {
		panic(err)
	}
	c.send(frame)
}

// send waits for a slow client; one that is gone is no concern.
func (c *call) send(frame []byte) {
	if c.out.Wait(c.ended, 256<<10) == nil {
		_ = c.out.Send(frame)
	}
}

func echo(c *call) { c.result(c.body) }

// writeJSON answers a request of the control plane.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func newClient(t testing.TB, s *supervisor) *client.Client {
	t.Helper()
	c := client.New(s.socket)
	t.Cleanup(c.Close)
	return c
}
