package supervisor

import (
	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// maxProgressNote bounds what a worker may say beside the figures.
const maxProgressNote = 1024

// progressed takes up how far a worker says that a call has come, and tells it if
// anybody wants to know. A call that it does not execute, or no longer, is skipped:
// the answer may be quicker than the word.
func (w *workerEntry) progressed(e wire.Event) {
	if len(e.Note) > maxProgressNote {
		return
	}
	told := pool.CallProgress{Call: e.Call, Done: e.Done, Total: e.Total, Note: e.Note}
	if !w.slot.takeProgress(&told) {
		return
	}
	if hub := w.slot.dispatcher.events; hub.WantsRequests() {
		hub.Publish(event.RequestProgress{
			Pool: w.slot.dispatcher.addr, Call: told.Call, Command: told.Command, Worker: w.incarnation(),
			Done: told.Done, Total: told.Total, Note: told.Note,
		})
	}
}

// takeProgress keeps how far the slot's call has come and fills in its command; it
// reports whether the slot executes that call.
func (s *slot) takeProgress(told *pool.CallProgress) bool {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	if s.call == nil || s.call.id.String() != told.Call {
		return false
	}
	told.Command = s.call.command
	s.progress = *told
	return true
}

// callProgress returns how far the slot's call has come, nil where it has not told.
func (s *slot) callProgress() []pool.CallProgress {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	if s.progress.Call == "" || s.call == nil || s.call.id.String() != s.progress.Call {
		return nil
	}
	return []pool.CallProgress{s.progress}
}
