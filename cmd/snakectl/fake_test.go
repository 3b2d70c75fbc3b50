package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// fakeSupervisor serves an instance's socket as a supervisor does, with answers
// that a test sets. Its fields are set before it serves.
type fakeSupervisor struct {
	status pool.Status
	plan   planner.Plan
	// events are sent for an apply; the last one ends it.
	events []pool.Event
	// hold, if not nil, is waited for before the last event is sent. A request to
	// stop the operation closes it.
	hold chan struct{}
	// exec answers a call.
	exec func(wire.Call) ([]byte, *pool.CallError)

	mu       sync.Mutex // guards requests
	requests []string
	stopOnce sync.Once
}

// handlers returns the control plane.
func (f *fakeSupervisor) handlers() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { answer(w, f.status) })
	mux.HandleFunc("POST /v1/plan", func(w http.ResponseWriter, _ *http.Request) { answer(w, f.plan) })
	mux.HandleFunc("POST /v1/apply", f.apply)
	mux.HandleFunc("POST /v1/operations/{id}/stop", func(w http.ResponseWriter, r *http.Request) {
		f.stopOnce.Do(func() { close(f.hold) })
		answer(w, map[string]string{"id": r.PathValue("id")})
	})
	mux.HandleFunc("POST /v1/pools/{addr}/scale", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]int{"old": 2, "size": 4})
	})
	mux.HandleFunc("POST /v1/pools/{addr}/recycle", f.apply)
	mux.HandleFunc("GET /v1/pools/{addr}/wait", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("for") == client.ForIdle {
			refuse(w, http.StatusRequestTimeout, pool.NewCallError(pool.CategoryDeadline, "pool.api is not idle: 3 calls run"))
			return
		}
		answer(w, struct{}{})
	})
	mux.HandleFunc("GET /v1/logs", func(w http.ResponseWriter, r *http.Request) {
		answer(w, pool.LogLine{Worker: "pool.api/0@7f2c", Line: "lines of " + r.URL.Query().Get("worker")})
	})
	mux.HandleFunc("GET /v1/logs/list", func(w http.ResponseWriter, _ *http.Request) { answer(w, []pool.LogInfo{}) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.requests = append(f.requests, r.Method+" "+r.URL.Path)
		f.mu.Unlock()
		mux.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, e *pool.CallError) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": e})
}

func (f *fakeSupervisor) apply(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	for i, ev := range f.events {
		if i == len(f.events)-1 && f.hold != nil {
			select {
			case <-f.hold:
			case <-r.Context().Done():
				return
			}
		}
		_ = json.NewEncoder(w).Encode(ev)
		_ = http.NewResponseController(w).Flush()
	}
}

func (f *fakeSupervisor) asked(request string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.requests, request)
}

// serve answers frames and HTTP on the instance's socket until the test ends.
func (f *fakeSupervisor) serve(t *testing.T, dir string) {
	t.Helper()
	listener, err := wire.ListenUnix(socketPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	conns := &connListener{addr: listener.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: f.handlers(), ReadHeaderTimeout: 5 * time.Second}
	var group sync.WaitGroup
	group.Go(func() { _ = server.Serve(conns) })
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go f.sort(conn, conns) // ends with its connection
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		_ = server.Close()
		group.Wait()
	})
}

// sort gives a connection to the half that speaks its protocol.
func (f *fakeSupervisor) sort(conn net.Conn, conns *connListener) {
	frames, rest, err := wire.Sniff(conn)
	switch {
	case err != nil:
		_ = conn.Close()
	case frames:
		f.answerCalls(rest)
	default:
		select {
		case conns.conns <- rest:
		case <-conns.closed:
			_ = conn.Close()
		}
	}
}

func (f *fakeSupervisor) answerCalls(conn net.Conn) {
	defer conn.Close()
	r := wire.NewReader(conn)
	hello, err := wire.ReadHello(r)
	if err != nil {
		return
	}
	ack, err := wire.Negotiate(hello, "fake")
	if err != nil {
		return
	}
	out, _ := wire.AppendJSON(nil, wire.Header{Type: wire.TypeHelloAck}, ack)
	_, _ = conn.Write(out)
	r.SetLimit(wire.MaxPayload)
	for {
		h, frame, err := r.ReadFrame()
		if err != nil {
			return
		}
		if h.Type == wire.TypeCall {
			call, _ := wire.ParseCall(wire.Payload(frame))
			_, _ = conn.Write(f.answerCall(h.Stream, call))
		}
	}
}

func (f *fakeSupervisor) answerCall(stream uint64, call wire.Call) []byte {
	body, failure := f.exec(call)
	if failure != nil {
		out, _ := wire.AppendJSON(nil, wire.Header{Type: wire.TypeError, Flags: wire.FlagEnd, Stream: stream}, failure)
		return out
	}
	payload, _ := wire.AppendResult(nil, &wire.Result{
		Queue: 1_500_000, Exec: 2_000_000, Codec: 1, Worker: []byte("pool.api/0@7f2c"), Body: body,
	})
	return wire.AppendFrame(nil, wire.Header{Type: wire.TypeResult, Flags: wire.FlagEnd, Stream: stream}, payload)
}

// connListener is a listener that is fed with connections.
type connListener struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *connListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, errors.New("closed")
	}
}

func (l *connListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *connListener) Addr() net.Addr { return l.addr }

// testApp is a program whose streams and signals a test holds.
type testApp struct {
	*App
	stdout, stderr *lockedBuffer
	interrupts     chan os.Signal
	dir            string
}

// lockedBuffer may be read while the program writes.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newTestApp returns a program for a fresh instance, on no terminal.
func newTestApp(t *testing.T) *testApp {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "instance")
	interrupts := make(chan os.Signal, 2)
	a := &testApp{
		stdout: &lockedBuffer{}, stderr: &lockedBuffer{}, interrupts: interrupts, dir: dir,
	}
	a.App = &App{
		Stdin: strings.NewReader(""), Stdout: a.stdout, Stderr: a.stderr,
		Env:     append(os.Environ(), "SNAKECTL_INSTANCE="+dir, "NO_COLOR=1"),
		Version: "0.1.0", Interrupts: interrupts,
	}
	return a
}

// with lets a fake supervisor serve the program's instance.
func (a *testApp) with(t *testing.T, f *fakeSupervisor) *testApp {
	t.Helper()
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f.serve(t, a.dir)
	return a
}

// run executes a command line within a bound that no test should need.
func (a *testApp) run(t *testing.T, args ...string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return a.Run(ctx, args)
}
