package supervisor

import (
	"time"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
)

func (o *Operation) about() event.OnOperation { return event.OnOperation{Operation: o.ID, By: o.By} }

// tellStep tells those events of an operation that begin or end a step.
func (o *Operation) tellStep(kind, addr, msg string, data map[string]any) {
	switch kind {
	case pool.EventPreflightStart, pool.EventPreflightOK, pool.EventPreflightFailed, pool.EventRuntimeReady, pool.EventRuntimeFailed,
		pool.EventStepStart, pool.EventStepOK, pool.EventStepFailed:
	default:
		return
	}
	ms, _ := data["ms"].(int64)
	took := time.Duration(ms) * time.Millisecond
	o.hub.Publish(event.OperationStep{OnOperation: o.about(), Pool: addr, Step: kind, Reason: msg, TookUS: took.Microseconds()})
}

func (o *Operation) tellCompleted(out pool.Outcome) {
	o.hub.Publish(event.OperationCompleted{
		OnOperation: o.about(), Result: out.Result, Reason: out.Message, Revision: out.Revision, Done: len(out.Done), Failed: len(out.Failed),
		NotAttempted: len(out.NotAttempted), CallsFailed: out.CallsFailed, TookUS: time.Since(o.At).Microseconds(),
	})
}
