package supervisor

import (
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// breakerPolicy says when a breaker opens; zero failures is off.
type breakerPolicy struct {
	failures int
	reset    time.Duration
	halfOpen int
}

// breaker refuses the calls of a pool whose executions fail one after the other, so
// that its callers need not wait for what will fail as well. It is a value: step
// makes the next one. The zero breaker is off.
//
// Closed, it counts failures in a row. Open, it refuses until reset is over. Half
// open, it lets so many calls through on trial; when all succeed it closes, and
// opens again when one fails. Only those on trial count then: how a call ends that
// was let in before says nothing new.
type breaker struct {
	policy breakerPolicy
	state  pool.BreakerState
	// failures counts those in a row, last is the category of the last one.
	failures int
	last     pool.Category
	openedAt int64
	// round numbers the times that it was half open, and marks its trials. out counts
	// the trials of this round that are under way, passed those that succeeded.
	round, out, passed int
}

// breakerEvent is what a breaker is told.
type breakerEvent struct {
	kind breakerKind
	// round is that of the trial that ended, 0 for a call that is none.
	round int
	// category is that of a failure.
	category pool.Category
}

type breakerKind int

const (
	// breakerAsked: a call wants to be let in.
	breakerAsked breakerKind = iota
	// breakerPassed: an execution shows that the pool works.
	breakerPassed
	// breakerFailed: an execution shows that it does not.
	breakerFailed
	// breakerAbandoned: a call ended without an execution that shows anything.
	breakerAbandoned
)

// answer is what breakerAsked is answered with.
type answer int

const (
	answerPass answer = iota
	answerTrial
	answerRefuse
)

func newBreaker(p breakerPolicy) breaker { return breaker{policy: p, state: pool.BreakerClosed} }

// on reports whether the breaker looks at calls at all.
func (b *breaker) on() bool { return b.policy.failures > 0 }

// with returns the breaker under another policy. Turned off, it forgets; else it
// stays in its state.
func (b breaker) with(p breakerPolicy) breaker {
	if p.failures == 0 {
		return newBreaker(p)
	}
	b.policy = p
	if b.state == pool.BreakerHalfOpen && b.passed >= p.halfOpen {
		b.state, b.failures, b.last = pool.BreakerClosed, 0, ""
	}
	return b
}

// step returns the breaker after an event at now, a reading of a monotonic clock,
// and the answer to breakerAsked. A trial of a former round counts as any other
// call.
func (b breaker) step(now int64, e breakerEvent) (breaker, answer) {
	switch b.state {
	case pool.BreakerOpen:
		if e.kind != breakerAsked {
			return b, answerPass
		}
		if b.retryAfter(now) > 0 {
			return b, answerRefuse
		}
		b.state, b.out, b.passed = pool.BreakerHalfOpen, 1, 0
		b.round++
		return b, answerTrial
	case pool.BreakerHalfOpen:
		return b.try(now, e)
	case pool.BreakerClosed:
	}
	switch e.kind {
	case breakerPassed:
		b.failures, b.last = 0, ""
	case breakerFailed:
		b.failures, b.last = b.failures+1, e.category
		if b.failures >= b.policy.failures {
			b.state, b.openedAt = pool.BreakerOpen, now
		}
	case breakerAsked, breakerAbandoned:
	}
	return b, answerPass
}

// try is step while the breaker is half open.
func (b breaker) try(now int64, e breakerEvent) (breaker, answer) {
	if e.kind == breakerAsked {
		if b.out+b.passed >= b.policy.halfOpen {
			return b, answerRefuse
		}
		b.out++
		return b, answerTrial
	}
	if e.round != b.round {
		return b, answerPass
	}
	b.out--
	switch e.kind {
	case breakerPassed:
		b.passed++
		if b.passed >= b.policy.halfOpen {
			b.state, b.failures, b.last = pool.BreakerClosed, 0, ""
		}
	case breakerFailed:
		b.failures, b.last = b.failures+1, e.category
		b.state, b.openedAt = pool.BreakerOpen, now
	case breakerAsked, breakerAbandoned:
	}
	return b, answerPass
}

// retryAfter returns how long calls are refused for certain; while half open, how
// long they are at most, should the trials that are under way fail now.
func (b *breaker) retryAfter(now int64) time.Duration {
	switch b.state {
	case pool.BreakerOpen:
		return time.Duration(max(0, b.openedAt+int64(b.policy.reset)-now))
	case pool.BreakerHalfOpen:
		return b.policy.reset
	case pool.BreakerClosed:
	}
	return 0
}

func (b *breaker) handover() BreakerHandover {
	return BreakerHandover{State: b.state, Failures: b.failures, Last: b.last, OpenedAt: b.openedAt, Round: b.round, Passed: b.passed}
}

// restored returns a breaker as a former image left it, under the policy that it has
// now. withTrial tells it of each trial that is under way.
func (b breaker) restored(h BreakerHandover) breaker {
	b.state, b.failures, b.last, b.openedAt, b.round, b.passed = h.State, h.Failures, h.Last, h.OpenedAt, h.Round, h.Passed
	return b.with(b.policy)
}

// withTrial counts a call that a former image let in, in that round, 0 for one that
// was no trial.
func (b breaker) withTrial(round int) breaker {
	if b.state == pool.BreakerHalfOpen && round == b.round {
		b.out++
	}
	return b
}

// sick reports whether a failure says that the pool is sick, and not that its code
// raised: it lost its worker, or passed its deadline while it was executed.
func sick(failure *pool.CallError) bool {
	switch failure.Category {
	case pool.CategoryWorkerDied, pool.CategoryUnavailable:
		return failure.Origin == "supervisor"
	case pool.CategoryDeadline:
		return failure.Started
	default:
		return false
	}
}
