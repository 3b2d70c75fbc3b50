package lifecycle

import (
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// Event is something that happened to the pool or to one of its workers.
type Event interface{ event() }

// Configure gives the pool a new target. It also ends a halt.
type Configure struct {
	Target Target
	// Halt is set when a former roll to this target failed: workers of another
	// launch hash then stay as they are. It is the reason, in words.
	Halt string
	// Fallback is what the pool goes back to when the roll fails; its Launch is empty
	// where there is nothing to go back to.
	Fallback Target
	// Promoted: the canaries of this roll were promoted before. Revert: it failed before,
	// and this is why; what was begun to bring it back goes on.
	Promoted bool
	Revert   string
	// Repair gives quarantined places another start and forgets past failures, as a
	// new launch hash does by itself.
	Repair bool
	// Ready names a worker that was already started with the target's launch hash
	// and is ready (the preflight's); it fills Place. Empty for none.
	Ready string
	Place int
}

// Adopt tells of a worker that a former supervisor started. It is sent before
// the first Configure; the worker counts as adopting until it returns.
type Adopt struct {
	Worker string
	Place  int
	Launch string
	// Started is when it was started: its age counts from then. The zero time is now.
	Started time.Time
	// Leaving: it was draining, and may still execute its last call.
	Leaving bool
}

// Restore tells that a place was quarantined under a former supervisor.
type Restore struct {
	Place   int
	Message string
}

// Recall tells what a machine remembered that had the pool before this one was made.
type Recall struct{ Past Past }

// Happened is an event of the life of one worker.
type Happened struct {
	Worker string
	Event  pool.WorkerEvent
	// Reason says how a worker exited, in words; Kind in a few that are the same for
	// exits of one kind. An empty Kind is the Reason.
	Reason, Kind string
	// DuringCall is set when the worker died while it executed a call.
	DuringCall bool
}

// Stuck tells that a worker's call went on past its deadline and stop_grace, and that
// it executes no other.
type Stuck struct{ Worker string }

// Impaired tells that a worker still serves, but not as it should: it is to be replaced.
// The replacement counts as a restart, and the failure against its place, so that it is
// not replaced for ever at any pace.
type Impaired struct {
	Worker, Reason string
	// SlotLost is set when a call of one of its slots does not end. The worker then never
	// ends by itself: Stuck follows when its other calls have ended, and until then it is
	// left alone, since each of them has a deadline.
	SlotLost bool
}

// Recycle asks for the worker of one place, or of all when Place is -1, to be
// replaced.
type Recycle struct{ Place int }

// Nearing tells that a worker will soon have taken its last call: max_requests.
type Nearing struct{ Worker string }

// Spent tells that a worker has finished its last call and takes no other.
type Spent struct{ Worker string }

// OverMemory tells that a worker holds more than max_memory. Reason says how much.
type OverMemory struct{ Worker, Reason string }

// Used answers AskUse: when the worker last had a call; the present moment for one
// that has a call now.
type Used struct {
	Worker string
	At     time.Time
}

// Unresponsive tells that a worker without a call does not answer any more. The
// edge has taken it out of the rotation.
type Unresponsive struct{ Worker, Reason string }

// Pause stops a roll where it is: what is under way ends, nothing more is replaced.
type Pause struct{ Reason string }

// Steer is what an operator wants of a roll: RolloutPause, RolloutResume,
// RolloutPromote, or RolloutRevert to abort it. What its phase does not allow is no
// event: the edge looks first.
type Steer struct {
	Order pool.RolloutEvent
	// Reason says who wants it.
	Reason string
}

// Resize changes the size alone: an override set by hand.
type Resize struct{ Size int }

// Stop ends the pool: every worker drains, or, with Kill, is killed at once. It may
// come again, to kill what still drains.
type Stop struct{ Kill bool }

// Tick tells that time passed; send it when NextWake is reached.
type Tick struct{}

func (Configure) event()    {}
func (Adopt) event()        {}
func (Restore) event()      {}
func (Recall) event()       {}
func (Happened) event()     {}
func (Stuck) event()        {}
func (Impaired) event()     {}
func (Recycle) event()      {}
func (Nearing) event()      {}
func (Spent) event()        {}
func (OverMemory) event()   {}
func (Used) event()         {}
func (Unresponsive) event() {}
func (Pause) event()        {}
func (Steer) event()        {}
func (Resize) event()       {}
func (Stop) event()         {}
func (Tick) event()         {}

// Command is something for the edge to do. The machine assumes that it is done:
// what comes of it is told by events.
type Command interface{ command() }

// Start starts a worker with a launch hash in a place. The edge answers with
// Happened spawned, or exit when it cannot.
type Start struct {
	Worker string
	Place  int
	Launch string
}

// Admit lets a ready worker take calls.
type Admit struct{ Worker string }

// Drain gives a worker no new call and lets it exit when it has finished.
type Drain struct{ Worker string }

// Signal sends a signal, named without SIG, to the worker's process group.
type Signal struct {
	Worker string
	Name   string
}

// Kill kills the worker's process group.
type Kill struct {
	Worker string
	Reason string
}

// AskUse asks when a worker was last used; the edge answers with Used.
type AskUse struct{ Worker string }

// Dump has a worker write the stacks of its threads to its log. A Signal or Kill that
// follows waits for them, not for long.
type Dump struct{ Worker string }

// Quarantine records that a place is quarantined, or no longer: Message is then
// empty.
type Quarantine struct {
	Place   int
	Message string
}

// Recycled reports that a worker is replaced by one of the same launch hash, empty
// where that one is not ready yet. Its Drain follows.
type Recycled struct {
	Worker, Replacement string
	// Reason says why, in words: by hand.
	Reason string
}

// Revert tells that the pool goes back to its fallback: the edge takes its policies up,
// and its size.
type Revert struct{ Launch, Reason string }

// Tell reports progress to whoever follows an operation.
type Tell struct {
	// Type is one of the worker_ and rollout_ event types of package pool.
	Type   string
	Worker string
	Place  int
	Text   string
}

func (Start) command()      {}
func (Admit) command()      {}
func (Drain) command()      {}
func (Signal) command()     {}
func (Kill) command()       {}
func (AskUse) command()     {}
func (Dump) command()       {}
func (Quarantine) command() {}
func (Recycled) command()   {}
func (Revert) command()     {}
func (Tell) command()       {}

// Target is what the pool should be. Of the spec the machine reads the size and
// the live policies; what a launch hash stands for is the edge's knowledge.
type Target struct {
	Spec   pool.Pool
	Launch string
	// Size replaces the spec's when an override is in force; usually they agree.
	Size int
}
