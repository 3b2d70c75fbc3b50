package supervisor

import (
	"container/list"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// sink is who made a call and gets its answer. A call is answered by any number
// of frames through deliver, the last of which has final set, or by one fail. The
// dispatcher calls neither while it holds its mutex.
type sink interface {
	// deliver takes one frame of the answer and may rewrite its header. It may wait
	// for a slow caller until the call is settled.
	deliver(c *call, frame []byte, final bool)
	// fail ends the call with an error.
	fail(c *call, err *pool.CallError)
}

// outcome is how a call ended, for the counters.
type outcome int

const (
	outcomeOK outcome = iota
	outcomeFailed
	outcomeTimeout
	outcomeRejected
	outcomeQueueTimeout
	outcomeCancelled
)

// call is one execution of a command, from the moment its last byte arrived.
type call struct {
	dispatcher *dispatcher
	sink       sink
	id         wire.CallID
	// stream names the call on the caller's connection.
	stream uint64
	// deadline, queuedAt and sentAt are readings of wire.Monotonic.
	deadline, queuedAt, sentAt int64
	// frames holds the whole CALL and its CHUNKs while the call waits, or where its
	// body came in pieces; a call that goes straight through is never copied.
	frames []byte
	// command is empty for a call of a former supervisor.
	command string
	// probe: it is a health command, which no counter knows of.
	probe bool
	// idempotent: running the call twice does no harm, says its caller or its command.
	idempotent bool
	// priority is what its caller gave it; 0 where the queue does not look at it.
	priority uint8

	// What follows is guarded by the dispatcher's mu.

	// slot executes the call; nil while it waits and after it ended.
	slot *slot
	// slotStream names the call on the slot's connection.
	slotStream uint64
	// line is where it waits, nil while it does not; place its place there.
	line  *waiting
	place *list.Element
	// waitsSince is when it began to wait, waited how long it has waited before.
	waitsSince, waited int64
	// room is closed when the call leaves the line of those that wait for a place in the
	// queue; nil for others.
	room chan struct{}
	// attempts counts its executions, restsUntil is when the next one may begin.
	attempts   int
	restsUntil int64
	// trial is the round of the breaker that let it in on trial, 0 for none.
	trial int
	// settled: the caller was answered, or is gone. The slot may still be busy.
	settled bool
	// released is closed when the call is settled; made only for an answer in
	// several frames.
	released chan struct{}
	// wantedUntil is when nobody waits for the answer any more: the deadline, or the
	// moment when the caller gave up. The handler has stop_grace from then.
	wantedUntil int64
	// expiredBy is when the queue gives the call up.
	expiredBy int64
}

// queueNS returns how long the call waited for a slot.
func (c *call) queueNS() int64 { return max(0, c.waited) }

// describe adds to the error of a call what there is to say about its way.
func (c *call) describe(err *pool.CallError) {
	err.QueueNS = c.queueNS()
	if c.attempts > 1 {
		err.Attempts = c.attempts
	}
}

// firstPayload returns the payload of the call's first frame.
func firstPayload(frames []byte) []byte {
	h := wire.ParseHeader(frames)
	return frames[wire.HeaderSize : wire.HeaderSize+int(h.Length)]
}

// stampFrames writes the slot's stream id into every frame and the deadline into
// the envelope. They are the only bytes of a call that the supervisor changes.
func stampFrames(frames []byte, stream uint64, deadline int64) {
	wire.PutDeadline(firstPayload(frames), deadline)
	for len(frames) > 0 {
		h := wire.ParseHeader(frames)
		wire.PutStream(frames, stream)
		frames = frames[wire.HeaderSize+int(h.Length):]
	}
}
