package dispatch

// Fate is what is known of a call of which no answer is here.
type Fate int

// The fates.
const (
	// FateUnknown: it may have been executed, and nobody can tell.
	FateUnknown Fate = iota
	// FateUnstarted: it has provably not started, and may be made anew.
	FateUnstarted
	// FateExecuted: it was executed, and its answer is lost.
	FateExecuted
)

// Testimony is what workers have told a supervisor of the calls that were made through
// former ones. Moments are readings of one monotonic clock.
type Testimony struct {
	// Began is when the supervisor did. It has never had a call that was sent before.
	Began int64
	// Silent counts the slots of former supervisors' workers that have not told yet.
	Silent int
	// Incomplete: a call that was sent before it may have been executed by a worker that
	// does not remember it, or is gone.
	Incomplete int64
}

// Judge returns the fate of a call that its client sent between two moments; executed:
// a worker has told that it executed the call.
func (t Testimony) Judge(executed bool, earliest, latest int64) Fate {
	switch {
	case executed:
		return FateExecuted
	case t.Silent == 0 && latest < t.Began && earliest > t.Incomplete:
		return FateUnstarted
	}
	return FateUnknown
}
