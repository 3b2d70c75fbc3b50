package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// operation follows one apply in the supervisor and passes the user's wish to
// end it on: the first interrupt asks to stop at the next safe point, the second
// leaves the operation to the supervisor.
type operation struct {
	app    *App
	client *client.Client
	detach bool
	// show gets every event, from one goroutine.
	show func(client.Event)
	// progress is the view on the terminal; nil with --json.
	progress *progress
	// failures are the events that say why something failed.
	failures []client.Event

	mu sync.Mutex // guards id and stopping
	id string
	// stopping is true when a stop was asked for.
	stopping bool
}

// errDetached ends the stream of events and not the operation.
var errDetached = errors.New("detached")

// follow sends the request and returns when the operation has ended, or nil
// without an error when --detach leaves it to the supervisor.
func (o *operation) follow(ctx context.Context, request client.ApplyRequest) (*client.Outcome, error) {
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		o.watchInterrupts(ctx, leave)
	}()
	outcome, err := o.client.Apply(ctx, request, func(ev client.Event) {
		o.take(ctx, ev)
		if o.detach && ev.Type == pool.EventOpAccepted {
			leave(errDetached)
		}
	})
	cause := context.Cause(ctx)
	leave(nil)
	<-watching
	if !errors.Is(cause, errDetached) {
		return outcome, err
	}
	if o.detach {
		o.app.say("The supervisor carries operation %s out. Look at it with: snakectl status", o.operationID())
		return nil, nil
	}
	return nil, &codedError{code: exitInterrupted, err: errors.New("detached: the supervisor goes on with operation " + o.operationID() + "; look at it with: snakectl status")}
}

// take notes an event and shows it.
func (o *operation) take(ctx context.Context, ev client.Event) {
	switch ev.Type {
	case pool.EventOpAccepted:
		o.mu.Lock()
		o.id = ev.Op
		stopping := o.stopping
		o.mu.Unlock()
		if stopping {
			o.askToStop(ctx)
		}
	case pool.EventPreflightFailed, pool.EventRuntimeFailed, pool.EventStepFailed:
		o.failures = append(o.failures, ev)
	}
	o.show(ev)
}

// watchInterrupts acts on the first two interrupts, until ctx ends.
func (o *operation) watchInterrupts(ctx context.Context, leave context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
		return
	case <-o.app.Interrupts:
	}
	o.say("Stopping at the next safe point. Interrupt again to leave the operation to the supervisor.")
	o.giveUp(ctx)
	select {
	case <-ctx.Done():
	case <-o.app.Interrupts:
		leave(errDetached)
	}
}

// giveUp has the operation stop at the next safe point, as soon as it is known.
func (o *operation) giveUp(ctx context.Context) {
	o.mu.Lock()
	o.stopping = true
	known := o.id != ""
	o.mu.Unlock()
	if known {
		o.askToStop(ctx)
	}
}

func (o *operation) askToStop(ctx context.Context) {
	if err := o.client.StopOperation(ctx, o.operationID()); err != nil && ctx.Err() == nil {
		o.say(fmt.Sprintf("cannot ask the operation to stop: %v", err))
	}
}

// say tells something beside the lines that are being redrawn.
func (o *operation) say(text string) {
	if o.progress == nil {
		o.app.say("%s", text)
		return
	}
	o.progress.note(text)
}

func (o *operation) operationID() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.id
}
