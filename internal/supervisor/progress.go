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
	if !w.slots.takeProgress(&told) {
		return
	}
	if hub := w.slots.dispatcher.events; hub.WantsRequests() {
		hub.Publish(event.RequestProgress{
			Pool: w.slots.dispatcher.addr(), Call: told.Call, Command: told.Command, Worker: w.incarnation(),
			Done: told.Done, Total: told.Total, Note: told.Note,
		})
	}
}

// takeProgress keeps how far a call has come and fills in its command; it reports
// whether one of the slots executes that call.
func (s *slotSet) takeProgress(told *pool.CallProgress) bool {
	id, err := wire.ParseCallID(told.Call)
	if err != nil {
		return false
	}
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	for _, each := range s.all {
		if each.call != nil && each.call.id == id {
			told.Command = each.call.command
			each.progress = *told
			return true
		}
	}
	return false
}

// callProgress returns how far the slot's call has come; its Call is empty where it has
// not told. mu is held.
func (s *slot) callProgress() pool.CallProgress {
	if s.progress.Call == "" || s.call == nil || s.call.id.String() != s.progress.Call {
		return pool.CallProgress{}
	}
	return s.progress
}
