package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

const (
	// helloTimeout is how long a supervisor may take to say hello.
	helloTimeout = 10 * time.Second
	// answerGrace is how long after its own deadline a call still waits for the
	// supervisor to say so, when the context has that deadline too.
	answerGrace = 100 * time.Millisecond
	// deadGrace is how long it waits when only the supervisor keeps the deadline:
	// one that says nothing by then is stuck.
	deadGrace = time.Second
	// keptBuffer is the longest write buffer that an idle connection keeps.
	keptBuffer = 64 << 10
)

// link is one frame connection. It carries one call at a time, on the caller's
// own goroutine: write, then read until the answer is whole.
type link struct {
	conn   net.Conn
	reader *wire.Reader
	buf    []byte
	stream uint64
	worker string // of the last result: most calls need no new string
	timed  bool   // the connection has a deadline
	broken bool   // the connection must not carry another call
	attach bool   // the supervisor takes ATTACH
}

// connect opens a connection and says hello.
func (c *Client) connect(ctx context.Context) (*link, error) {
	dialled, err := dialSocket(ctx, c.socket)
	if err != nil {
		return nil, err
	}
	conn, err := wire.Own(dialled)
	if err != nil {
		return nil, errors.Join(err, dialled.Close())
	}
	l := &link{conn: conn, reader: wire.NewReader(conn)}
	_ = conn.SetDeadline(time.Now().Add(helloTimeout))
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err = l.greet()
	if !stop() {
		err = ctx.Err()
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = conn.Close()
		return nil, c.explainHello(ctx, err)
	}
	c.mu.Lock()
	c.met = true
	c.mu.Unlock()
	return l, nil
}

// explainHello returns the error of a connection that came to nothing.
func (c *Client) explainHello(ctx context.Context, err error) error {
	refused, isRefused := errors.AsType[*wire.RefusedError](err)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case isRefused:
		err = decodeError(refused.Payload)
	default:
		e := refuse(pool.CategoryUnavailable, "the supervisor does not answer: %v", err)
		e.Retryable = true
		err = e
	}
	return fmt.Errorf("cannot connect to the supervisor on %s: %w", c.socket, err)
}

func (l *link) greet() error {
	hello, err := wire.AppendGreeting(nil, wire.NewHello(wire.RoleClient, agent))
	if err != nil {
		return err
	}
	if _, err := l.conn.Write(hello); err != nil {
		return err
	}
	ack, err := wire.ReadAck(l.reader)
	l.attach = slices.Contains(ack.Capabilities, wire.CapabilityAttach)
	return err
}

// exec makes one call. A connection that broke is a *brokenError.
func (l *link) exec(ctx context.Context, req *request) (*Result, error) {
	if ctx.Err() != nil {
		return nil, gaveUp(ctx, req.command, false)
	}
	req.sentAt = time.Now()
	first, rest, err := l.encode(req)
	if err != nil {
		return nil, err
	}
	return l.converse(ctx, req, first, rest)
}

// converse sends what asks for an answer, and waits for that.
func (l *link) converse(ctx context.Context, req *request, first, rest []byte) (*Result, error) {
	l.limit(req.deadline)
	stop := l.watch(ctx)
	var result *Result
	err := l.send(first, rest)
	sent := err == nil // a call of which a part is missing is never executed
	if sent {
		result, err = l.receive()
	}
	if !stop() {
		// The watcher has changed the connection's deadline, or is about to.
		l.broken = true
	}
	var call *Error
	switch {
	case err == nil:
		return result, nil
	case errors.As(err, &call):
		return nil, failed(call)
	}
	l.broken = true
	return nil, l.explain(ctx, req, err, sent)
}

// explain makes a call error of what broke the connection.
func (l *link) explain(ctx context.Context, req *request, err error, sent bool) error {
	if ctx.Err() != nil {
		if sent {
			l.cancel()
		}
		return gaveUp(ctx, req.command, sent)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		e := refuse(pool.CategoryDeadline, "%q passed its deadline and the supervisor says nothing", req.command)
		e.Started = sent
		return failed(e)
	}
	e := refuse(pool.CategoryUnavailable, "the connection to the supervisor broke while %q was called: %v", req.command, err)
	if !sent {
		e.Retryable = true
		return &brokenError{call: e}
	}
	e.Started = true // as far as anybody knows
	e.Retryable = req.bits&wire.BitIdempotent != 0
	e.Hint = "the command may have been executed; see `snakectl status`"
	return &brokenError{call: e, sent: true}
}

// brokenError is a call error of a connection that broke: the supervisor is gone
// perhaps, and the next one knows what became of the call.
type brokenError struct {
	call *Error
	sent bool // whole
}

func (e *brokenError) Error() string { return e.call.Error() }
func (e *brokenError) Unwrap() error { return e.call }

func brokenBy(err error) *brokenError {
	broke, _ := errors.AsType[*brokenError](err)
	return broke
}

// limit makes reads and writes end some time after the deadline of the call, so
// that a supervisor that is stuck cannot hold the caller.
func (l *link) limit(deadline time.Time) {
	if deadline.IsZero() && !l.timed {
		return
	}
	l.timed = !deadline.IsZero()
	if l.timed {
		deadline = deadline.Add(deadGrace)
	}
	_ = l.conn.SetDeadline(deadline) // fails on a closed connection only, as the write will
}

// watch makes reads and writes end when ctx does. The function it returns stops
// that and reports whether it came in time.
func (l *link) watch(ctx context.Context) (stop func() bool) {
	if ctx.Done() == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(ctx, func() {
		at := time.Unix(1, 0)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			at = time.Now().Add(answerGrace)
		}
		_ = l.conn.SetDeadline(at)
	})
}

// cancel tells the supervisor that nobody waits any more. Closing the connection
// says the same; this says it when a descriptor is held open elsewhere.
func (l *link) cancel() {
	_ = l.conn.SetWriteDeadline(time.Now().Add(answerGrace))
	_, _ = l.conn.Write(wire.AppendHeader(nil, wire.Header{Type: wire.TypeCancel, Stream: l.stream}))
}

// encode returns the first frame of a call and the rest of its body.
func (l *link) encode(req *request) (first, rest []byte, err error) {
	l.stream++
	call := wire.Call{
		ID: req.id, Codec: wire.CodecJSON, Bits: req.bits, Priority: req.priority,
		Pool: []byte(req.pool), Command: []byte(req.command), Session: []byte(req.session),
	}
	if !req.deadline.IsZero() {
		if call.Deadline = int64(time.Until(req.deadline)); call.Deadline <= 0 {
			return nil, nil, failed(refuse(pool.CategoryDeadline, "%q passed its deadline before it was sent", req.command))
		}
	}
	frame, err := wire.AppendCall(append(l.buf[:0], make([]byte, wire.HeaderSize)...), &call)
	if err != nil {
		return nil, nil, refuse(pool.CategoryInvalidArgument, "%v", err)
	}
	part, rest := wire.SplitBody(req.body, len(frame)-wire.HeaderSize)
	frame = append(frame, part...)
	h := wire.Header{Type: wire.TypeCall, Stream: l.stream, Length: uint32(len(frame) - wire.HeaderSize)}
	if len(rest) == 0 {
		h.Flags = wire.FlagEnd
	}
	wire.AppendHeader(frame[:0], h) // over the room kept for it
	if l.buf = frame; cap(frame) > keptBuffer {
		l.buf = nil
	}
	return frame, rest, nil
}

// send writes a whole call.
func (l *link) send(first, rest []byte) error {
	if _, err := l.conn.Write(first); err != nil {
		return err
	}
	header := make([]byte, 0, wire.HeaderSize)
	for len(rest) > 0 {
		h, payload, remains := wire.NextChunk(rest, l.stream)
		frame := net.Buffers{wire.AppendHeader(header, h), payload}
		if _, err := frame.WriteTo(l.conn); err != nil {
			return err
		}
		rest = remains
	}
	return nil
}

// receive reads the answer of the call on l.stream. An *Error is the answer too;
// any other error broke the connection.
func (l *link) receive() (*Result, error) {
	var result *Result
	var body wire.Assembler
	for {
		h, frame, err := l.reader.ReadFrame()
		if err != nil {
			return nil, err
		}
		payload := wire.Payload(frame)
		switch {
		case h.Type == wire.TypePing && h.Stream == 0:
			if _, err := l.conn.Write(wire.AppendFrame(nil, wire.Header{Type: wire.TypePong}, payload)); err != nil {
				return nil, err
			}
			continue
		case h.Type == wire.TypeGoAway:
			l.broken = true
			return nil, decodeError(payload)
		case h.Stream != l.stream:
			return nil, wire.Violation("%s of stream %d, which has no call", h.Type, h.Stream)
		case h.Type == wire.TypeError:
			return nil, decodeError(payload)
		case h.Type == wire.TypeResult && result == nil:
			r, err := wire.ParseResult(payload)
			if err != nil {
				return nil, err
			}
			result, payload = l.begin(&r), r.Body
			if h.End() { // the usual case: one copy of exactly the right size
				result.Body = slices.Clone(payload)
				return result, nil
			}
		case h.Type == wire.TypeChunk && result != nil:
		default:
			return nil, wire.Violation("%s is no answer to a call", h.Type)
		}
		if err := body.Add(payload); err != nil {
			return nil, err
		}
		if h.End() {
			result.Body = body.Take()
			return result, nil
		}
	}
}

// begin returns the result without its body.
func (l *link) begin(r *wire.Result) *Result {
	if string(r.Worker) != l.worker {
		l.worker = string(r.Worker)
	}
	return &Result{Worker: l.worker, Queue: time.Duration(r.Queue), Exec: time.Duration(r.Exec), Attempts: 1 + int(r.Retries)}
}

// decodeError reads the payload of an ERROR or a GOAWAY.
func decodeError(payload []byte) *Error {
	e := &Error{}
	if err := json.Unmarshal(payload, e); err != nil || e.Category == "" {
		return refuse(pool.CategoryProtocol, "the supervisor sent an error that cannot be read: %.200q", payload)
	}
	return e
}
