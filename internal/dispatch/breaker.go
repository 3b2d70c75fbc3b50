package dispatch

import (
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// BreakerPolicy says when a breaker opens; zero failures is off.
type BreakerPolicy struct {
	Failures int
	Reset    time.Duration
	HalfOpen int
}

// Breaker refuses the calls of a pool whose executions fail one after the other, so
// that its callers need not wait for what will fail as well. It is a value: Step
// makes the next one. The zero Breaker is off.
//
// Closed, it counts failures in a row. Open, it refuses until reset is over. Half
// open, it lets so many calls through on trial; when all succeed it closes, and
// opens again when one fails. Only those on trial count then: how a call ends that
// was let in before says nothing new.
type Breaker struct {
	Policy BreakerPolicy
	State  pool.BreakerState
	// Failures counts those in a row, Last is the category of the last one.
	Failures int
	Last     pool.Category
	OpenedAt int64
	// Round numbers the times that it was half open, and marks its trials. out counts
	// the trials of this round that are under way, passed those that succeeded.
	Round       int
	out, passed int
}

// BreakerEvent is what a breaker is told.
type BreakerEvent struct {
	Kind BreakerKind
	// Round is that of the trial that ended, 0 for a call that is none.
	Round int
	// Category is that of a failure.
	Category pool.Category
}

// BreakerKind is what happened.
type BreakerKind int

// What happens to a breaker.
const (
	// Asked: a call wants to be let in.
	Asked BreakerKind = iota
	// Passed: an execution shows that the pool works.
	Passed
	// Failed: an execution shows that it does not.
	Failed
	// Abandoned: a call ended without an execution that shows anything.
	Abandoned
)

// Answer is what Asked is answered with.
type Answer int

// The answers.
const (
	// Pass: the call is let in. It is the answer to every other event, too.
	Pass Answer = iota
	// Trial: the call is let in on trial, in the round that the breaker is in now.
	Trial
	// Refuse: the call is not let in.
	Refuse
)

// NewBreaker returns a closed breaker.
func NewBreaker(p BreakerPolicy) Breaker { return Breaker{Policy: p, State: pool.BreakerClosed} }

// On reports whether the breaker looks at calls at all.
func (b *Breaker) On() bool { return b.Policy.Failures > 0 }

// With returns the breaker under another policy. Turned off, it forgets; else it
// stays in its state.
func (b Breaker) With(p BreakerPolicy) Breaker {
	if p.Failures == 0 {
		return NewBreaker(p)
	}
	b.Policy = p
	if b.State == pool.BreakerHalfOpen && b.passed >= p.HalfOpen {
		b.State, b.Failures, b.Last = pool.BreakerClosed, 0, ""
	}
	return b
}

// Step returns the breaker after an event at now, a reading of a monotonic clock,
// and the answer to Asked. A trial of a former round counts as any other
// call.
func (b Breaker) Step(now int64, e BreakerEvent) (Breaker, Answer) {
	switch b.State {
	case pool.BreakerOpen:
		if e.Kind != Asked {
			return b, Pass
		}
		if b.RetryAfter(now) > 0 {
			return b, Refuse
		}
		b.State, b.out, b.passed = pool.BreakerHalfOpen, 1, 0
		b.Round++
		return b, Trial
	case pool.BreakerHalfOpen:
		return b.try(now, e)
	case pool.BreakerClosed:
	}
	switch e.Kind {
	case Passed:
		b.Failures, b.Last = 0, ""
	case Failed:
		b.Failures, b.Last = b.Failures+1, e.Category
		if b.Failures >= b.Policy.Failures {
			b.State, b.OpenedAt = pool.BreakerOpen, now
		}
	case Asked, Abandoned:
	}
	return b, Pass
}

// try is step while the breaker is half open.
func (b Breaker) try(now int64, e BreakerEvent) (Breaker, Answer) {
	if e.Kind == Asked {
		if b.out+b.passed >= b.Policy.HalfOpen {
			return b, Refuse
		}
		b.out++
		return b, Trial
	}
	if e.Round != b.Round {
		return b, Pass
	}
	b.out--
	switch e.Kind {
	case Passed:
		b.passed++
		if b.passed >= b.Policy.HalfOpen {
			b.State, b.Failures, b.Last = pool.BreakerClosed, 0, ""
		}
	case Failed:
		b.Failures, b.Last = b.Failures+1, e.Category
		b.State, b.OpenedAt = pool.BreakerOpen, now
	case Asked, Abandoned:
	}
	return b, Pass
}

// RetryAfter returns how long calls are refused for certain; while half open, how
// long they are at most, should the trials that are under way fail now.
func (b *Breaker) RetryAfter(now int64) time.Duration {
	switch b.State {
	case pool.BreakerOpen:
		return time.Duration(max(0, b.OpenedAt+int64(b.Policy.Reset)-now))
	case pool.BreakerHalfOpen:
		return b.Policy.Reset
	case pool.BreakerClosed:
	}
	return 0
}

// BreakerPast is a breaker without its policy, as another image of the supervisor goes
// on with it. The trials that are under way are known by their calls.
type BreakerPast struct {
	State    pool.BreakerState `json:"state"`
	Failures int               `json:"failures"`
	Last     pool.Category     `json:"last"`
	OpenedAt int64             `json:"opened_at"`
	Round    int               `json:"round"`
	Passed   int               `json:"passed"`
}

// Past returns what Recalled goes on with.
func (b *Breaker) Past() BreakerPast {
	return BreakerPast{State: b.State, Failures: b.Failures, Last: b.Last, OpenedAt: b.OpenedAt, Round: b.Round, Passed: b.passed}
}

// Recalled returns a breaker as a former image left it, under the policy that it has
// now. WithTrial tells it of each trial that is under way.
func (b Breaker) Recalled(h BreakerPast) Breaker {
	b.State, b.Failures, b.Last, b.OpenedAt, b.Round, b.passed = h.State, h.Failures, h.Last, h.OpenedAt, h.Round, h.Passed
	return b.With(b.Policy)
}

// WithTrial counts a call that a former image let in, in that round, 0 for one that
// was no trial.
func (b Breaker) WithTrial(round int) Breaker {
	if b.State == pool.BreakerHalfOpen && round == b.Round {
		b.out++
	}
	return b
}

// Status returns what is shown of the breaker, nil when it is off.
func (b *Breaker) Status(now int64) *pool.BreakerStatus {
	if !b.On() {
		return nil
	}
	st := &pool.BreakerStatus{State: b.State, Failures: b.Failures, Last: b.Last}
	if b.State == pool.BreakerOpen {
		st.RetryAfterMS = b.RetryAfter(now).Milliseconds()
	}
	return st
}

// Sick reports whether a failure says that the pool is sick, and not that its code
// raised: it lost its worker, or passed its deadline while it was executed.
func Sick(failure *pool.CallError) bool {
	switch failure.Category {
	case pool.CategoryWorkerDied, pool.CategoryUnavailable:
		return failure.Origin == "supervisor"
	case pool.CategoryDeadline:
		return failure.Started
	default:
		return false
	}
}
