package supervisor

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// ExecRequest is a call that comes over HTTP.
type ExecRequest struct {
	// Pool is an address or a name, empty for the default pool.
	Pool, Command string
	// Body is a JSON object, a JSON list or nothing.
	Body []byte
	// Timeout is the caller's own; 0 leaves it to the pool.
	Timeout    time.Duration
	Session    string
	Idempotent bool
	// Priority matters where the pool's queue.policy is priority.
	Priority uint8
}

// ExecResult is the answer to an ExecRequest.
type ExecResult struct {
	Body        []byte
	Worker      string
	Queue, Exec time.Duration
	Attempts    int
}

// Exec makes one call and waits for its answer. When ctx ends the call is
// cancelled. The error is a *pool.CallError.
func (s *Supervisor) Exec(ctx context.Context, req ExecRequest) (ExecResult, error) {
	d, refusal := s.routes.find([]byte(req.Pool))
	if refusal != nil {
		return ExecResult{}, refusal
	}
	w := &waiter{done: make(chan struct{})}
	c := &call{sink: w, id: wire.NewCallID(), priority: req.Priority}
	if len(req.Body) > wire.MaxBody {
		large := tooLarge()
		d.refuse(c, large)
		return ExecResult{}, large
	}
	d.accept(c, []byte(req.Command), int64(req.Timeout), req.Idempotent)
	frames, err := encodeCall(c.id, req)
	if err != nil {
		illegal := pool.NewCallError(pool.CategoryInvalidArgument, "%s", err.Error())
		d.refuse(c, illegal)
		return ExecResult{}, illegal
	}
	c.frames = frames
	d.submit(c, nil)
	select {
	case <-w.done:
	case <-ctx.Done():
		if d.cancel(c) {
			return ExecResult{}, pool.NewCallError(pool.CategoryCancelled, "the caller gave the call up")
		}
		<-w.done
	}
	return w.result()
}

// Refuse has the pool that a caller's name means count a call that was answered with
// that error before it came here.
func (s *Supervisor) Refuse(name string, why *pool.CallError) {
	if name == "-" {
		name = ""
	}
	if d, unknown := s.routes.find([]byte(name)); unknown == nil {
		d.refuse(&call{id: wire.NewCallID()}, why)
	}
}

// encodeCall returns the CALL and its CHUNKs.
func encodeCall(id wire.CallID, req ExecRequest) ([]byte, error) {
	envelope := wire.Call{
		ID: id, Codec: wire.CodecJSON, Priority: req.Priority, Pool: []byte(req.Pool), Command: []byte(req.Command), Session: []byte(req.Session),
	}
	if req.Idempotent {
		envelope.Bits |= wire.BitIdempotent
	}
	payload, err := wire.AppendCall(nil, &envelope)
	if err != nil {
		return nil, err
	}
	first, rest := wire.SplitBody(req.Body, len(payload))
	h := wire.Header{Type: wire.TypeCall}
	if len(rest) == 0 {
		h.Flags = wire.FlagEnd
	}
	frames := wire.AppendFrame(nil, h, append(payload, first...))
	for len(rest) > 0 {
		var chunk []byte
		h, chunk, rest = wire.NextChunk(rest, 0)
		frames = wire.AppendFrame(frames, h, chunk)
	}
	return frames, nil
}

// waiter is the sink of a call whose caller waits for the whole answer.
type waiter struct {
	done chan struct{}

	// mu guards what follows until done is closed.
	mu      sync.Mutex
	body    bytes.Buffer
	head    ExecResult
	failure *pool.CallError
}

func (w *waiter) deliver(_ *call, frame []byte, final bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if final {
		defer close(w.done)
	}
	if w.failure != nil {
		return
	}
	h, payload := wire.ParseHeader(frame), wire.Payload(frame)
	if h.Type == wire.TypeResult {
		r, err := wire.ParseResult(payload)
		if err != nil {
			w.failure = pool.NewCallError(pool.CategoryProtocol, "%s", err.Error())
		}
		w.head = ExecResult{Worker: string(r.Worker), Queue: time.Duration(r.Queue), Exec: time.Duration(r.Exec), Attempts: 1 + int(r.Retries)}
		payload = r.Body
	}
	w.body.Write(payload)
}

func (w *waiter) fail(_ *call, err *pool.CallError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failure = err
	close(w.done)
}

func (w *waiter) result() (ExecResult, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure != nil {
		return ExecResult{}, w.failure
	}
	w.head.Body = w.body.Bytes()
	return w.head, nil
}
