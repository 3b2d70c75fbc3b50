package supervisor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
)

// Operation is one apply or recycle as it goes on. Its events are kept, so that
// whoever watches it sees all of them from the first. It is safe for concurrent
// use.
type Operation struct {
	ID string
	By string
	At time.Time

	stop context.Context // ends when somebody asked for a stop
	halt context.CancelFunc
	// hub is told of the operation, if it began at all.
	hub *event.Hub

	// mu guards what follows. It is a leaf.
	mu      sync.Mutex
	events  []pool.Event
	changed chan struct{} // closed and replaced with each event
	ended   bool
}

func newOperation(by string) *Operation {
	stop, halt := context.WithCancel(context.Background())
	return &Operation{ID: "op-" + randomHex(6), By: by, At: time.Now().UTC(), stop: stop, halt: halt, changed: make(chan struct{})}
}

// Stop asks the operation to end at the next safe point.
func (o *Operation) Stop() { o.halt() }

// emit adds an event.
func (o *Operation) emit(kind, addr, msg string, data map[string]any) {
	o.tellStep(kind, addr, msg, data)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, pool.Event{
		V: 1, Seq: uint64(len(o.events)) + 1, TS: time.Now().UTC(), Type: kind, Op: o.ID, Addr: addr, Msg: msg, Data: data,
	})
	o.ended = o.ended || kind == pool.EventOpComplete
	close(o.changed)
	o.changed = make(chan struct{})
}

// complete ends the operation.
func (o *Operation) complete(out pool.Outcome) {
	out.MS = time.Since(o.At).Milliseconds()
	for _, list := range []*[]string{&out.Done, &out.Failed, &out.NotAttempted} {
		if *list == nil {
			*list = []string{}
		}
	}
	o.tellCompleted(out)
	o.emit(pool.EventOpComplete, "", out.Message, map[string]any{"outcome": out})
}

// giveWay completes an operation that never began, since other goes on.
func (o *Operation) giveWay(other *Operation) {
	who := ""
	if other.By != "" {
		who = " of " + other.By
	}
	o.complete(pool.Outcome{Result: pool.ResultConflict, Message: fmt.Sprintf(
		"operation %s%s goes on since %s: wait for it, then try again", other.ID, who, other.At.Local().Format(time.TimeOnly))})
}

// Follow calls see with every event from the first to op_complete, in order. It
// returns early when ctx ends or see fails; the operation goes on.
func (o *Operation) Follow(ctx context.Context, see func(pool.Event) error) error {
	for next := 0; ; {
		o.mu.Lock()
		events, changed, ended := o.events[next:], o.changed, o.ended
		o.mu.Unlock()
		for _, e := range events {
			if err := see(e); err != nil {
				return err
			}
		}
		next += len(events)
		if ended {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// operations holds the one operation that may change things now, and the ended
// ones that somebody may still follow.
type operations struct {
	mu      sync.Mutex
	current *Operation
	closed  bool // operations that begin from now on are stopped at once
	byID    map[string]*Operation
	order   []string
	events  *event.Hub
}

const keptOperations = 32

// begin makes o the current operation; it returns the one in the way, if any.
func (os *operations) begin(o *Operation) *Operation {
	os.mu.Lock()
	defer os.mu.Unlock()
	if os.current != nil {
		return os.current
	}
	os.current, o.hub = o, os.events
	o.hub.Publish(event.OperationStarted{OnOperation: o.about()})
	if os.closed {
		o.Stop()
	}
	if os.byID == nil {
		os.byID = map[string]*Operation{}
	}
	os.byID[o.ID] = o
	os.order = append(os.order, o.ID)
	if len(os.order) > keptOperations {
		delete(os.byID, os.order[0])
		os.order = os.order[1:]
	}
	return nil
}

func (os *operations) end(o *Operation) {
	os.mu.Lock()
	defer os.mu.Unlock()
	if os.current == o {
		os.current = nil
	}
}

func (os *operations) find(id string) *Operation {
	os.mu.Lock()
	defer os.mu.Unlock()
	return os.byID[id]
}

// close asks the operation that goes on now, if any, to stop, and those that come.
func (os *operations) close() {
	os.mu.Lock()
	defer os.mu.Unlock()
	os.closed = true
	if os.current != nil {
		os.current.Stop()
	}
}
