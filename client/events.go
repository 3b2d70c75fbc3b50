package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/snakectl/snakectl/internal/event"
)

// EventRecord is one thing that happened in the instance. Its Data is one of the
// event types of this package, as a value, or an UnknownEvent.
type EventRecord = event.Record

// The types of events. docs/reference/events.md describes them.
type (
	// WorkerStarted tells that the process of a worker exists.
	WorkerStarted = event.WorkerStarted
	// WorkerInitialized tells that a worker imported its adapter.
	WorkerInitialized = event.WorkerInitialized
	// WorkerReady tells that a worker takes calls.
	WorkerReady = event.WorkerReady
	// WorkerRecycled tells that a fresh worker took over from an old one.
	WorkerRecycled = event.WorkerRecycled
	// WorkerCrashed tells that a worker that nobody asked to end is gone.
	WorkerCrashed = event.WorkerCrashed
	// WorkerQuarantined tells that a place is not filled again.
	WorkerQuarantined = event.WorkerQuarantined
	// WorkerHealthCheckFailed tells that an idle worker missed its health checks.
	WorkerHealthCheckFailed = event.WorkerHealthCheckFailed
	// WorkerAdopted tells that a worker of a former supervisor takes calls again.
	WorkerAdopted = event.WorkerAdopted
	// WorkerStopped tells that a worker that was asked to end is gone.
	WorkerStopped = event.WorkerStopped
	// PoolReady tells that every place of a pool has a ready worker.
	PoolReady = event.PoolReady
	// PoolDegraded tells that a ready pool lost a worker.
	PoolDegraded = event.PoolDegraded
	// PoolForkRefused tells that the workers of a pool are spawned, since they cannot be forked.
	PoolForkRefused = event.PoolForkRefused
	// PoolCapacityReached tells that a call has to wait.
	PoolCapacityReached = event.PoolCapacityReached
	// PoolSaturated tells that the queue is full.
	PoolSaturated = event.PoolSaturated
	// RequestExecuted tells that a call was executed.
	RequestExecuted = event.RequestExecuted
	// RequestTimedOut tells that a deadline passed.
	RequestTimedOut = event.RequestTimedOut
	// RequestRejected tells that a call was not taken.
	RequestRejected = event.RequestRejected
	// RequestCancelled tells that a caller gave up.
	RequestCancelled = event.RequestCancelled
	// OperationStarted tells that an apply or a recycle began.
	OperationStarted = event.OperationStarted
	// OperationStep tells that an operation began or ended a step.
	OperationStep = event.OperationStep
	// OperationCompleted tells that an operation ended.
	OperationCompleted = event.OperationCompleted
	// UnknownEvent is a kind that this client is too old to know.
	UnknownEvent = event.Unknown
)

// EventOptions say which events to read.
type EventOptions struct {
	// Follow goes on as more happens, until ctx ends or the supervisor does.
	Follow bool
	// Since begins with what the supervisor remembers of that time before now; 0 is
	// everything it remembers, or nothing where Follow is set. Events of requests
	// are not remembered.
	Since time.Duration
	// Filter holds beginnings of types ("worker.", "pool.ready") and pool=ADDRESS. An
	// event must match one of the types, if there are any, and one of the pools.
	Filter []string
}

// Events gives each event to each, in order. A reader that is too slow loses the
// oldest ones and is told by EventRecord.Dropped how many. It returns nil when the
// supervisor has ended or, without Follow, after the last one; the error of each
// ends it.
func (c *Client) Events(ctx context.Context, opts EventOptions, each func(EventRecord) error) error {
	query := url.Values{"filter": opts.Filter}
	if opts.Follow {
		query.Set("follow", "1")
	}
	if opts.Since > 0 {
		query.Set("since", opts.Since.String())
	}
	return eachLine(ctx, c, "/v1/events", query, "events", each)
}

// eachLine gives each value of an answer that is one JSON value a line to each. When
// ctx ends it, the error is ctx's. what names the values in errors.
func eachLine[T any](ctx context.Context, c *Client, path string, query url.Values, what string, each func(T) error) error {
	resp, err := c.open(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(resp.Body)
	for {
		var line T
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("cannot read the %s of the supervisor: %w", what, err)
		}
		if err := each(line); err != nil {
			return err
		}
	}
}
