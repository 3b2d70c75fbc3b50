package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// Result is what a command returned.
type Result struct {
	// Body is the JSON that the command returned. It is the caller's.
	Body []byte
	// Worker is the incarnation that served the call: pool.api/0@7f2c.
	Worker string
	// Queue is how long the call waited for a worker, Exec how long it ran there.
	Queue, Exec time.Duration
	// Attempts is how often the call was executed: more than once where the pool's retry
	// says so.
	Attempts int
}

// Decode stores the result in what v points to, as json.Unmarshal does.
func (r *Result) Decode(v any) error {
	if err := json.Unmarshal(r.Body, v); err != nil {
		return fmt.Errorf("cannot decode the result: %w", err)
	}
	return nil
}

// CallOption changes how one call is made.
type CallOption func(*callOptions)

type callOptions struct {
	timeout time.Duration
	bits    wire.CallBits
	// priority matters where the pool's queue.policy is priority.
	priority uint8
	session  string
}

// Timeout limits the call, waiting for a worker included. The context's deadline
// counts as well; the earlier one wins. Without either the pool's own timeout
// holds. A timeout that is not positive has passed already.
func Timeout(d time.Duration) CallOption {
	return func(o *callOptions) { o.timeout = max(d, 1) }
}

// Idempotent says that the command may be executed a second time when a worker
// dies.
func Idempotent() CallOption {
	return func(o *callOptions) { o.bits |= wire.BitIdempotent }
}

// Priority says how urgent the call is, where the pool's queue.policy is priority:
// the highest goes first. Calls without have 0.
func Priority(p uint8) CallOption {
	return func(o *callOptions) { o.priority = p }
}

// Session names the session that the call belongs to. It reaches the command.
func Session(key string) CallOption {
	return func(o *callOptions) { o.session = key }
}

// request is one call as it is sent.
type request struct {
	pool, command string
	callOptions
	body     []byte
	deadline time.Time // zero for none
	id       wire.CallID
	sentAt   time.Time // when sending it began, for the last time
}

// Exec executes a command on a worker of a pool and waits for its result.
// poolName is an address or a name; empty means the default pool. args is nil,
// a json.RawMessage, or a value that encodes to a JSON object (keyword
// arguments) or list (positional arguments).
//
// When ctx ends first, the call is cancelled and Exec returns; the worker stays
// busy until the command returns or the pool's stop_grace has passed.
func (c *Client) Exec(ctx context.Context, poolName, command string, args any, opts ...CallOption) (*Result, error) {
	req := request{pool: poolName, command: command, id: wire.NewCallID()}
	for _, opt := range opts {
		opt(&req.callOptions)
	}
	var err error
	if req.body, err = encodeArgs(command, args); err != nil {
		return nil, err
	}
	if at, ok := ctx.Deadline(); ok {
		req.deadline = at
	}
	if req.timeout > 0 {
		if at := time.Now().Add(req.timeout); req.deadline.IsZero() || at.Before(req.deadline) {
			req.deadline = at
		}
	}
	l, err := c.take()
	if err != nil {
		return nil, err
	}
	if l == nil {
		return c.pursue(ctx, &req)
	}
	result, err := l.exec(ctx, &req)
	c.put(l)
	if broke := brokenBy(err); broke != nil {
		return c.pursueAfter(ctx, &req, broke)
	}
	return result, err
}

// encodeArgs returns the body of a call.
func encodeArgs(command string, args any) ([]byte, error) {
	var body []byte
	switch v := args.(type) {
	case nil:
		return nil, nil
	case json.RawMessage:
		body = v
	default:
		var err error
		if body, err = json.Marshal(args); err != nil {
			return nil, refuse(pool.CategoryInvalidArgument, "cannot encode the arguments of %q: %v", command, err)
		}
	}
	if len(body) > wire.MaxBody {
		e := refuse(pool.CategoryTooLarge, "the arguments of %q have %d bytes, more than %d", command, len(body), wire.MaxBody)
		e.Hint = "write them to a file that the worker can read, and pass its path"
		return nil, e
	}
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	switch {
	case len(trimmed) == 0, string(trimmed) == "null":
		return nil, nil
	case trimmed[0] == '{', trimmed[0] == '[':
		return body, nil
	}
	return nil, refuse(pool.CategoryInvalidArgument, "the arguments of %q must be a JSON object or a JSON list", command)
}

// refuse returns an error of the client's own about a call that was not sent.
func refuse(category pool.Category, format string, args ...any) *Error {
	e := pool.NewCallError(category, format, args...)
	e.Origin = "client"
	return e
}

// endedError is a call error that the end of a context explains.
type endedError struct {
	call  *Error
	cause error
}

func (e *endedError) Error() string   { return e.call.Error() }
func (e *endedError) Unwrap() []error { return []error{e.call, e.cause} }

// failed returns the error of a call: one that its deadline or its caller ended
// is the context package's error too.
func failed(e *Error) error {
	switch e.Category {
	case pool.CategoryDeadline:
		return &endedError{call: e, cause: context.DeadlineExceeded}
	case pool.CategoryCancelled:
		return &endedError{call: e, cause: context.Canceled}
	}
	return e
}

// gaveUp returns the error of a call whose context has ended. Whether it had
// started is not known, unless it was never sent.
func gaveUp(ctx context.Context, command string, sent bool) error {
	e := refuse(pool.CategoryCancelled, "%q was cancelled by its caller", command)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e = refuse(pool.CategoryDeadline, "%q passed its deadline", command)
	}
	e.Started = sent
	return failed(e)
}
