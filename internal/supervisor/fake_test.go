package supervisor

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// patience is how long a test waits for what has to come.
const patience = 10 * time.Second

var discard = slog.New(slog.DiscardHandler)

// switchboard makes pairs of connected sockets.
type switchboard struct {
	mu sync.Mutex
	l  *wire.Listener
}

func newSwitchboard(t testing.TB) *switchboard {
	t.Helper()
	l, err := wire.ListenUnix(filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &switchboard{l: l}
}

func (b *switchboard) pair(t testing.TB) (near, far *net.UnixConn) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	far, err := wire.DialUnix(t.Context(), b.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err = b.l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = far.Close(); _ = near.Close() })
	return near, far
}

// fakeWorker is the far side of a slot, played by the test.
type fakeWorker struct {
	t     testing.TB
	board *switchboard
	entry *workerEntry
	// number is that of the slot it plays.
	number int

	out     *wire.Outbox // the supervisor's end of the slot's connection
	conn    net.Conn     // the worker's end
	reader  *wire.Reader
	control *wire.Reader
	served  chan struct{} // closed when the supervisor has seen the connection's end
}

// newWorker adds a slot that is connected but not admitted.
func newWorker(t testing.TB, b *switchboard, d *dispatcher, id string) *fakeWorker {
	t.Helper()
	w := &fakeWorker{t: t, board: b, entry: &workerEntry{rec: pool.Worker{Pool: "pool.api", Incarnation: id}}}
	w.entry.slots = d.addSlots(w.entry, 1)
	near, far := b.pair(t)
	w.entry.control = wire.NewOutbox(near, workerBuffer)
	t.Cleanup(func() { _ = w.entry.control.Close() })
	w.control = wire.NewReader(far)
	w.connect(pastNothing)
	return w
}

func admitted(t testing.TB, b *switchboard, d *dispatcher, id string) *fakeWorker {
	t.Helper()
	w := newWorker(t, b, d, id)
	w.entry.slots.admit()
	return w
}

func (w *fakeWorker) slot() *slot { return w.entry.slots.at(w.number) }

// pastNothing is what a worker remembers that has executed nothing.
var pastNothing = wire.History{Known: true}

// pastKept is what a worker remembers that kept these answers.
func pastKept(ids ...wire.CallID) wire.History {
	return wire.History{Kept: ids, Executed: ids, Known: true}
}

// connect gives the slot a new connection, as serveSlot does.
func (w *fakeWorker) connect(past wire.History) {
	w.t.Helper()
	near, far := w.board.pair(w.t)
	out := wire.NewOutbox(near, workerBuffer)
	w.out, w.conn, w.reader, w.served = out, far, wire.NewReader(far), make(chan struct{})
	w.reader.SetLimit(wire.MaxPayload)
	served := w.served
	w.slot().connect(out, past)
	go func() {
		defer close(served)
		r := wire.NewReader(near)
		r.SetLimit(wire.MaxPayload)
		_ = w.entry.readSlot(w.slot(), out, r, past.Kept, newBrake().join(near))
		w.slot().lost(out)
		_ = out.Close()
	}()
}

// hangUp breaks the slot's connection and waits until the supervisor knows.
func (w *fakeWorker) hangUp() {
	_ = w.conn.Close()
	<-w.served
}

// incoming is a frame as a worker reads it.
type incoming struct {
	wire.Header
	id   wire.CallID
	body string
}

func (w *fakeWorker) read() (incoming, error) { return readFrom(w.reader) }

func readFrom(r *wire.Reader) (incoming, error) {
	h, frame, err := r.ReadFrame()
	if err != nil {
		return incoming{}, err
	}
	in := incoming{Header: h}
	if h.Type == wire.TypeCall {
		c, err := wire.ParseCall(wire.Payload(frame))
		if err != nil {
			return in, err
		}
		in.id, in.body = c.ID, string(c.Body)
	}
	if h.Type == wire.TypeCancel {
		copy(in.id[:], wire.Payload(frame))
	}
	return in, nil
}

// want reads the next frame of the slot and fails unless it has that type.
func (w *fakeWorker) want(kind wire.Type) incoming {
	w.t.Helper()
	_ = w.conn.SetReadDeadline(time.Now().Add(patience))
	in, err := w.read()
	if err != nil || in.Type != kind {
		w.t.Fatalf("%s read %s, %v, want %s", w.entry.rec.Incarnation, in.Type, err, kind)
	}
	return in
}

// wantCall reads the next CALL and fails unless it is that one.
func (w *fakeWorker) wantCall(c *testCall) incoming {
	w.t.Helper()
	in := w.want(wire.TypeCall)
	if in.id != c.id {
		w.t.Fatalf("%s got another call than it should", w.entry.rec.Incarnation)
	}
	return in
}

// wantControl reads the next frame of the control connection.
func (w *fakeWorker) wantControl(kind wire.Type) incoming {
	w.t.Helper()
	in, err := readFrom(w.control)
	if err != nil || in.Type != kind {
		w.t.Fatalf("the control connection of %s read %s, %v, want %s", w.entry.rec.Incarnation, in.Type, err, kind)
	}
	return in
}

// silent fails when the slot's connection has something to read. What was sent
// before the call of silent is there already: writing never waits.
func (w *fakeWorker) silent() {
	w.t.Helper()
	_ = w.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	if in, err := w.read(); err == nil {
		w.t.Fatalf("%s read %s, want nothing", w.entry.rec.Incarnation, in.Type)
	}
}

func (w *fakeWorker) send(frames []byte) {
	_, _ = w.conn.Write(frames)
}

// result returns a RESULT of one frame.
func result(stream uint64, body string) []byte {
	payload, _ := wire.AppendResult(nil, &wire.Result{Codec: wire.CodecJSON, Worker: []byte("w")})
	return wire.AppendFrame(nil, wire.Header{Type: wire.TypeResult, Flags: wire.FlagEnd, Stream: stream}, append(payload, body...))
}

// longResult returns the frames of a RESULT in three parts.
func longResult(stream uint64) [][]byte {
	payload, _ := wire.AppendResult(nil, &wire.Result{Codec: wire.CodecJSON, Worker: []byte("w")})
	return [][]byte{
		wire.AppendFrame(nil, wire.Header{Type: wire.TypeResult, Stream: stream}, append(payload, '"')),
		wire.AppendFrame(nil, wire.Header{Type: wire.TypeChunk, Stream: stream}, []byte("x")),
		wire.AppendFrame(nil, wire.Header{Type: wire.TypeChunk, Flags: wire.FlagEnd, Stream: stream}, []byte(`"`)),
	}
}

func errorFrame(stream uint64, category pool.Category) []byte {
	b, _ := json.Marshal(pool.NewCallError(category, "no"))
	return wire.AppendFrame(nil, wire.Header{Type: wire.TypeError, Flags: wire.FlagEnd, Stream: stream}, b)
}

// testCall is a call whose sink is the test. It counts how often it was answered.
type testCall struct {
	call
	done     chan struct{}
	answers  atomic.Int32
	mu       sync.Mutex
	body     []byte
	retries  uint8
	failure  *pool.CallError
	lateness int // frames that came after the end
}

func newCall(timeout time.Duration) *testCall {
	c := &testCall{done: make(chan struct{})}
	c.sink, c.id, c.deadline = c, wire.NewCallID(), wire.Monotonic()+int64(timeout)
	return c
}

// submit makes a call of one frame.
func submit(t testing.TB, d *dispatcher, timeout time.Duration) *testCall {
	t.Helper()
	c := newCall(timeout)
	frame, err := encodeCall(c.id, ExecRequest{Command: "echo", Body: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	d.submit(&c.call, frame)
	return c
}

func (c *testCall) deliver(_ *call, frame []byte, final bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers.Load() > 0 {
		c.lateness++
	}
	payload := wire.Payload(frame)
	if wire.ParseHeader(frame).Type == wire.TypeResult {
		if r, err := wire.ParseResult(payload); err == nil {
			payload, c.retries = r.Body, r.Retries
		}
	}
	c.body = append(c.body, payload...)
	if final {
		c.end()
	}
}

func (c *testCall) fail(_ *call, err *pool.CallError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure = err
	c.end()
}

func (c *testCall) end() {
	if c.answers.Add(1) == 1 {
		close(c.done)
	}
}

// wantError waits for the end of the call and fails unless it ended with that
// category; "" is a result.
func (c *testCall) wantError(t testing.TB, category pool.Category) (failure pool.CallError) {
	t.Helper()
	select {
	case <-c.done:
	case <-time.After(patience):
		t.Fatalf("the call was not answered, want %q", category)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	got := pool.Category("")
	if c.failure != nil {
		got = c.failure.Category
	}
	if got != category || c.answers.Load() != 1 {
		t.Fatalf("the call ended with %q (%v) after %d answers, want %q once", got, c.failure, c.answers.Load(), category)
	}
	if c.failure != nil {
		failure = *c.failure
	}
	return failure
}

func (c *testCall) unanswered(t testing.TB) {
	t.Helper()
	if n := c.answers.Load(); n != 0 {
		t.Fatalf("the call was answered %d times already", n)
	}
}

// newPool returns a dispatcher with n admitted workers, w0 first.
func newPool(t testing.TB, n int, policy dispatchPolicy) (*dispatcher, []*fakeWorker) {
	t.Helper()
	d := newDispatcher("pool.api", policy)
	b := newSwitchboard(t)
	workers := make([]*fakeWorker, n)
	for i := range workers {
		workers[i] = admitted(t, b, d, fmt.Sprintf("w%d", i))
	}
	t.Cleanup(func() {
		for _, w := range workers {
			w.hangUp()
		}
	})
	return d, workers
}

// usual is a policy under which nothing times out in a test.
var usual = dispatchPolicy{queueMax: 100, queueTimeout: time.Hour, callTimeout: time.Hour, stopGrace: time.Hour}
