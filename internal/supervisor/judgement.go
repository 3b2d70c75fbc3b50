package supervisor

import (
	"encoding/json"

	"github.com/snakectl/snakectl/internal/dispatch"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// judgement is how a claim ends that no answer was found for.
type judgement struct {
	claim *call
	err   *pool.CallError
}

// deliverJudgements tells the callers. No lock may be held.
func deliverJudgements(judgements []judgement) {
	for _, v := range judgements {
		if v.err.Started && !v.err.Retryable {
			v.claim.failOnce(v.err)
		} else {
			v.claim.sendBack(v.err)
		}
	}
}

// sendBack ends a claim that another call takes the place of: its client makes anew a
// call that has provably not started, or that may run twice, or asks for it through
// another connection. It is that one which is counted.
func (c *call) sendBack(err *pool.CallError) {
	d := c.dispatcher
	d.mu.Lock()
	first := !c.settled
	c.settled = true
	d.mu.Unlock()
	if first {
		c.sink.fail(c, err)
	}
}

// judge says what is known of a call of which no answer is here. mu is held.
//
// A call has provably not started when it was sent before this supervisor began,
// which therefore never had it, and all workers of the former one have told of
// every call that ended since the call was sent, this one not among them.
func (l *ledger) judge(id wire.CallID, e *entry) *pool.CallError {
	worker, executed := l.executed[id]
	known := dispatch.Testimony{Began: l.started, Silent: len(l.silent), Incomplete: l.incomplete}
	var err *pool.CallError
	switch known.Judge(executed, e.earliest, e.latest) {
	case dispatch.FateExecuted:
		err = pool.NewCallError(pool.CategoryUnavailable, "the call was executed and its answer is lost with the supervisor it was made through")
		err.Worker, err.Started = worker, true
	case dispatch.FateUnstarted:
		err = pool.NewCallError(pool.CategoryUnavailable, "the supervisor ended before the call reached a worker")
		err.Retryable = true
		return err
	case dispatch.FateUnknown:
		err = pool.NewCallError(pool.CategoryUnavailable, "its outcome is unknown: the supervisor that the call was made through is gone, and not every worker it had can tell")
		err.Started = true // as far as anybody knows
	}
	if e.claim != nil {
		err.Retryable = e.claim.idempotent
	}
	err.Hint = "the command may have been executed; see what it did before you call again, or mark calls that may run twice as idempotent"
	return err
}

// failOnce ends a call with an error, unless it has been answered.
func (c *call) failOnce(err *pool.CallError) {
	d := c.dispatcher
	how := outcomeOf(err)
	d.mu.Lock()
	first := d.settle(c, how)
	if first && !c.probe && how == outcomeFailed {
		d.lost++
	}
	c.describe(err)
	d.mu.Unlock()
	if first {
		d.tellEnd(c, nil, how, err)
		c.sink.fail(c, err)
	}
}

// answerWhole gives a call an answer all of which is here.
func (c *call) answerWhole(frames []byte, w *workerEntry) {
	d := c.dispatcher
	for len(frames) > 0 {
		h := wire.ParseHeader(frames)
		size := wire.HeaderSize + int(h.Length)
		frame := frames[:size:size]
		frames = frames[size:]
		failure, err := readFailure(h, frame)
		if err != nil {
			c.failOnce(pool.NewCallError(pool.CategoryProtocol, "%s", err.Error()))
			return
		}
		last := len(frames) == 0
		d.mu.Lock()
		live := !c.settled
		if last {
			d.settle(c, outcomeOf(failure))
		} else if c.released == nil {
			c.released = make(chan struct{})
		}
		d.mu.Unlock()
		if !live {
			return
		}
		if last {
			d.tellEnd(c, w, outcomeOf(failure), failure)
		}
		c.pass(h, frame, failure, last, w)
	}
}

// readFailure returns the error that a frame of an answer carries, nil for none.
func readFailure(h wire.Header, frame []byte) (*pool.CallError, error) {
	switch {
	case h.Type == wire.TypeError:
		failure := &pool.CallError{}
		if err := json.Unmarshal(wire.Payload(frame), failure); err != nil {
			return nil, wire.Violation("cannot read an ERROR: %v", err)
		}
		return failure, nil
	case h.Type == wire.TypeResult && len(wire.Payload(frame)) < 18:
		return nil, wire.Violation("a RESULT is shorter than its envelope")
	}
	return nil, nil
}

// pass hands one frame of an answer, or the failure it carries, to the caller.
func (c *call) pass(h wire.Header, frame []byte, failure *pool.CallError, last bool, w *workerEntry) {
	if failure != nil {
		failure.Worker = w.incarnation()
		c.describe(failure)
		c.sink.fail(c, failure)
		return
	}
	if h.Type == wire.TypeResult {
		wire.PutQueue(wire.Payload(frame), c.queueNS())
		wire.PutRetries(wire.Payload(frame), c.attempts-1)
	}
	c.sink.deliver(c, frame, last)
}
