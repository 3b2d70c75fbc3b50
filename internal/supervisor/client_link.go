package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

const (
	// clientPause is how much of its answers a client may leave unread before the
	// slots that are in the middle of a long answer to it wait. A last frame never
	// waits, since its slot is free by then: clientBuffer is the room for those, and a
	// client that leaves more unread is hung up on.
	clientPause  = 1 << 20
	clientBuffer = 16 << 20
	// assemblyBudget bounds what all half-arrived calls together may hold.
	assemblyBudget = 512 << 20
)

// clientLink is one client's connection. Its reader goroutine owns assembling.
type clientLink struct {
	sup  *Supervisor
	conn net.Conn
	out  *wire.Outbox
	peer access.Peer
	// reader and stop belong to the reader goroutine too, and to Freeze while that is stopped.
	reader *wire.Reader
	stop   *braked

	assembling map[uint64]*assembly
	// greeted is when HELLO_ACK was sent, a reading of wire.Monotonic.
	greeted int64

	// mu guards calls and missed, and keeps the end of a call and the last frame that
	// tells of it together. Only the outbox's mutex is taken while it is held.
	mu    sync.Mutex
	calls map[uint64]*call // unanswered, by stream
	// frozen: the connection is being handed over, and the ends of calls wait in missed.
	frozen bool
	missed []func()
}

// assembly is a call whose body comes in several frames.
type assembly struct {
	call       *call
	dispatcher *dispatcher
	size       int // of the payloads
	held       int // of assembled
	// failure is what the call is answered with once it ends; its rest is dropped.
	failure *pool.CallError
}

// TakeClient takes over a connection of a peer whose preface was read. What it returns
// serves frames until the client closes it, breaks the protocol or ctx ends; it closes
// the connection, and calls of the client that are unanswered then are cancelled.
func (s *Supervisor) TakeClient(conn net.Conn, peer access.Peer) func(ctx context.Context) {
	return s.newClientLink(conn, peer).run
}

func (s *Supervisor) newClientLink(conn net.Conn, peer access.Peer) *clientLink {
	l := &clientLink{
		sup: s, peer: peer, conn: conn, out: wire.NewOutbox(conn, clientBuffer), reader: wire.NewReader(conn),
		assembling: map[uint64]*assembly{}, calls: map[uint64]*call{},
		stop: s.clients.brake.join(conn),
	}
	s.clients.add(l)
	return l
}

// run serves the connection until its end.
func (l *clientLink) run(ctx context.Context) {
	defer l.sup.clients.remove(l)
	defer l.stop.leave()
	stop := context.AfterFunc(ctx, func() { _ = l.out.Close() })
	defer stop()
	err := l.serve()
	if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		l.goAway(err)
	}
	l.leave()
}

// goAway tells a client that broke the protocol, then hangs up.
func (l *clientLink) goAway(err error) {
	var violation *wire.ProtocolError
	if !errors.As(err, &violation) {
		return
	}
	l.sup.log.Warn("client broke the protocol", "err", err)
	sendGoAway(l.out, violation)
}

func sendGoAway(out *wire.Outbox, why error) {
	frame, err := wire.AppendJSON(nil, wire.Header{Type: wire.TypeGoAway}, pool.NewCallError(pool.CategoryProtocol, "%s", why.Error()))
	if err == nil {
		_ = out.Send(frame)
	}
}

func (l *clientLink) serve() error {
	if l.greeted == 0 {
		if err := l.greet(); err != nil {
			return err
		}
	}
	l.reader.SetLimit(wire.MaxPayload)
	for {
		l.stop.pass()
		h, frame, err := l.reader.ReadFrame()
		if l.stop.caught(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := l.take(h, frame); err != nil {
			return err
		}
	}
}

// greet takes HELLO and answers it.
func (l *clientLink) greet() error {
	hello, err := wire.ReadHello(l.reader)
	for l.stop.caught(err) {
		l.stop.pass()
		hello, err = wire.ReadHello(l.reader)
	}
	if err != nil {
		return err
	}
	if hello.Role != wire.RoleClient {
		return wire.Violation("a connection of role %s does not belong on this socket", hello.Role)
	}
	ack, err := wire.Negotiate(hello, l.sup.agent())
	if err != nil {
		return err
	}
	frame, err := wire.AppendJSON(nil, wire.Header{Type: wire.TypeHelloAck}, ack)
	if err != nil {
		return err
	}
	l.greeted = wire.Monotonic()
	return l.out.Send(frame)
}

func (l *clientLink) take(h wire.Header, frame []byte) error {
	switch h.Type {
	case wire.TypeCall:
		return l.takeCall(h, frame)
	case wire.TypeChunk:
		return l.takeChunk(h, frame)
	case wire.TypeAttach:
		return l.takeAttach(wire.Payload(frame))
	case wire.TypeCancel:
		l.takeCancel(h.Stream)
		return nil
	case wire.TypePing:
		return l.out.Send(wire.AppendFrame(nil, wire.Header{Type: wire.TypePong}, wire.Payload(frame)))
	case wire.TypePong:
		return nil
	default:
		return wire.Violation("a client does not send %s", h.Type)
	}
}

func (l *clientLink) takeCall(h wire.Header, frame []byte) error {
	envelope, err := wire.ParseCall(wire.Payload(frame))
	if err != nil {
		return err
	}
	c := &call{sink: l, id: envelope.ID, stream: h.Stream, priority: envelope.Priority}
	if !l.begin(c) {
		return wire.Violation("stream %d is in use", h.Stream)
	}
	d, refusal := l.sup.routes.find(envelope.Pool)
	if denied := l.sup.permit(l.peer, d); denied != nil {
		refusal = denied
	}
	if refusal == nil && envelope.Codec != wire.CodecJSON {
		refusal = pool.NewCallError(pool.CategoryInvalidArgument, "codec %d is not known; 1 is JSON", envelope.Codec)
	}
	if !h.End() {
		l.assembling[h.Stream] = newAssembly(c, d, &envelope, frame, refusal)
		return nil
	}
	if refusal != nil {
		l.refuse(d, c, refusal)
		return nil
	}
	d.accept(c, envelope.Command, envelope.Deadline, envelope.Idempotent())
	l.awaitRoom(d.submit(c, frame))
	return nil
}

// awaitRoom waits until a call has a place in its queue, or is answered; nothing is
// read from its caller meanwhile.
func (l *clientLink) awaitRoom(room <-chan struct{}) {
	if room != nil {
		l.stop.await(room)
	}
}

// refuse answers a call that was never submitted, and has its pool count it; d is nil
// where no pool is meant.
func (l *clientLink) refuse(d *dispatcher, c *call, why *pool.CallError) {
	if d != nil {
		d.refuse(c, why)
	}
	l.fail(c, why)
}

// begin notes an unanswered call; it reports false when its stream is in use.
func (l *clientLink) begin(c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls[c.stream] != nil {
		return false
	}
	l.calls[c.stream] = c
	return true
}

func newAssembly(c *call, d *dispatcher, envelope *wire.Call, frame []byte, refusal *pool.CallError) *assembly {
	a := &assembly{call: c, dispatcher: d, failure: refusal}
	if refusal == nil {
		d.accept(c, envelope.Command, envelope.Deadline, envelope.Idempotent())
		a.add(frame)
	}
	return a
}

// assembled counts the bytes that half-arrived calls of all clients hold.
var assembled atomic.Int64

func (a *assembly) add(frame []byte) {
	if a.failure != nil {
		return
	}
	a.size += len(wire.Payload(frame))
	if a.size > wire.MaxBody+wire.MaxPayload {
		a.refuse(tooLarge())
		return
	}
	if assembled.Add(int64(len(frame))) > assemblyBudget {
		assembled.Add(-int64(len(frame)))
		a.refuse(pool.NewCallError(pool.CategorySaturated, "too many large calls are arriving at once"))
		return
	}
	a.held += len(frame)
	a.call.frames = append(a.call.frames, frame...)
}

func tooLarge() *pool.CallError {
	return pool.NewCallError(pool.CategoryTooLarge, "the arguments are larger than the cap of %d MiB", wire.MaxBody>>20)
}

func (a *assembly) refuse(err *pool.CallError) {
	a.release()
	a.call.frames = nil
	a.failure = err
}

// release gives back what the call holds of the budget.
func (a *assembly) release() {
	assembled.Add(-int64(a.held))
	a.held = 0
}

func (l *clientLink) takeChunk(h wire.Header, frame []byte) error {
	a := l.assembling[h.Stream]
	if a == nil {
		return wire.Violation("a CHUNK of stream %d without its CALL", h.Stream)
	}
	a.add(frame)
	if !h.End() {
		return nil
	}
	delete(l.assembling, h.Stream)
	if a.failure != nil {
		l.refuse(a.dispatcher, a.call, a.failure)
	} else {
		a.release()
		l.awaitRoom(a.dispatcher.submit(a.call, nil))
	}
	return nil
}

func (l *clientLink) takeCancel(stream uint64) {
	if a := l.assembling[stream]; a != nil {
		a.refuse(pool.NewCallError(pool.CategoryCancelled, "the caller gave the call up"))
		return
	}
	l.mu.Lock()
	c := l.calls[stream]
	l.mu.Unlock()
	if c == nil || c.dispatcher == nil {
		return // answered meanwhile
	}
	if c.dispatcher.cancel(c) {
		l.fail(c, pool.NewCallError(pool.CategoryCancelled, "the caller gave the call up"))
	}
}

// deliver implements sink.
func (l *clientLink) deliver(c *call, frame []byte, final bool) {
	wire.PutStream(frame, c.stream)
	if final {
		l.finish(c, frame)
		return
	}
	if l.out.Buffered() > clientPause && l.out.Wait(c.released, clientPause/2) != nil {
		return // the call was settled otherwise, or the client is gone
	}
	if errors.Is(l.out.Send(frame), wire.ErrOverflow) {
		l.hangUp()
	}
}

// finish sends the last frame that tells of a call.
func (l *clientLink) finish(c *call, frame []byte) {
	l.mu.Lock()
	if l.frozen {
		frame = slices.Clone(frame)
		l.missed = append(l.missed, func() { l.finish(c, frame) })
		l.mu.Unlock()
		return
	}
	delete(l.calls, c.stream)
	err := l.out.Send(frame)
	l.mu.Unlock()
	if errors.Is(err, wire.ErrOverflow) {
		l.hangUp()
	}
}

// hangUp ends the connection of a client that reads neither answers nor errors:
// nothing else can be told to it.
func (l *clientLink) hangUp() {
	l.sup.log.Warn("hung up on a client that does not read", "limit_bytes", clientBuffer)
	_ = l.out.Close()
}

// fail implements sink.
func (l *clientLink) fail(c *call, failure *pool.CallError) {
	frame, err := wire.AppendJSON(nil, wire.Header{Type: wire.TypeError, Flags: wire.FlagEnd, Stream: c.stream}, shortened(failure))
	if err != nil {
		l.sup.log.Error("cannot encode an error", "err", err)
		return
	}
	l.finish(c, frame)
}

// shortened returns the error with texts that fit a frame together.
func shortened(e *pool.CallError) *pool.CallError {
	const most = 64 << 10
	b, err := json.Marshal(e)
	if err == nil && len(b) <= wire.MaxPayload {
		return e
	}
	short := *e
	for _, text := range []*string{&short.Message, &short.Traceback, &short.Stderr, &short.Hint, &short.Type} {
		if len(*text) > most/2 {
			*text = (*text)[:most/2] + "…"
		}
	}
	return &short
}

// leave cancels what the client left behind.
func (l *clientLink) leave() {
	_ = l.out.Close()
	for _, a := range l.assembling {
		a.release()
		if a.dispatcher != nil {
			a.dispatcher.refuse(a.call, pool.NewCallError(pool.CategoryCancelled, "its caller left"))
		}
	}
	l.mu.Lock()
	left := make([]*call, 0, len(l.calls))
	for _, c := range l.calls {
		left = append(left, c)
	}
	l.mu.Unlock()
	for _, c := range left {
		if c.dispatcher != nil {
			c.dispatcher.cancel(c)
		}
	}
}
