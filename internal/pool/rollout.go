package pool

import (
	"fmt"
	"time"
)

// RolloutPhase is where the rollout of a pool is: the way from one launch hash to
// another.
type RolloutPhase string

// The phases of a rollout.
const (
	// RolloutNone: every place holds the launch hash that it should.
	RolloutNone RolloutPhase = ""
	// RolloutCanary: the first places change, the others wait.
	RolloutCanary RolloutPhase = "canary"
	// RolloutWaiting: the canaries are healthy; somebody promotes them, or aborts.
	RolloutWaiting RolloutPhase = "waiting"
	// RolloutRolling: all places change, some at a time.
	RolloutRolling RolloutPhase = "rolling"
	// RolloutPaused and RolloutCanaryPaused: somebody stopped it for a while, while all
	// places changed, or the canaries.
	RolloutPaused       RolloutPhase = "paused"
	RolloutCanaryPaused RolloutPhase = "canary_paused"
	// RolloutReverting: it failed, and the places go back to what they came from.
	RolloutReverting RolloutPhase = "reverting"
	// RolloutReverted: they are back.
	RolloutReverted RolloutPhase = "reverted"
	// RolloutHeld: it stays where it is until somebody applies again.
	RolloutHeld RolloutPhase = "held"
)

// RolloutEvent is something that moves a rollout to another phase.
type RolloutEvent string

// The events of a rollout.
const (
	RolloutBegin       RolloutEvent = "begin"        // all places are to change
	RolloutBeginCanary RolloutEvent = "begin_canary" // some of them first
	RolloutProved      RolloutEvent = "proved"       // the canaries are healthy
	RolloutPromote     RolloutEvent = "promote"
	RolloutPause       RolloutEvent = "pause"
	RolloutResume      RolloutEvent = "resume"
	RolloutRevert      RolloutEvent = "revert" // it failed or was aborted, and can go back
	RolloutHold        RolloutEvent = "hold"   // it cannot, or was told to stop
	RolloutSettle      RolloutEvent = "settle" // every place holds what it should
	RolloutForget      RolloutEvent = "forget" // there is another target
)

// Next returns the phase that event leads to from p. An error says that the event
// cannot happen in p.
func (p RolloutPhase) Next(event RolloutEvent) (RolloutPhase, error) {
	switch event {
	case RolloutForget:
		return RolloutNone, nil
	case RolloutHold:
		if p != RolloutReverted {
			return RolloutHeld, nil
		}
	case RolloutRevert:
		if p.Forward() {
			return RolloutReverting, nil
		}
	case RolloutBegin, RolloutBeginCanary:
		switch {
		case p != RolloutNone:
		case event == RolloutBegin:
			return RolloutRolling, nil
		default:
			return RolloutCanary, nil
		}
	case RolloutProved:
		if p == RolloutCanary {
			return RolloutWaiting, nil
		}
	case RolloutPromote:
		if p == RolloutWaiting {
			return RolloutRolling, nil
		}
	case RolloutPause:
		switch p {
		case RolloutRolling:
			return RolloutPaused, nil
		case RolloutCanary:
			return RolloutCanaryPaused, nil
		default:
		}
	case RolloutResume:
		switch p {
		case RolloutPaused:
			return RolloutRolling, nil
		case RolloutCanaryPaused:
			return RolloutCanary, nil
		default:
		}
	case RolloutSettle:
		switch p {
		case RolloutRolling, RolloutPaused:
			return RolloutNone, nil
		case RolloutReverting:
			return RolloutReverted, nil
		default:
		}
	}
	return p, fmt.Errorf("a rollout that is %s cannot take the event %q", p.word(), event)
}

func (p RolloutPhase) word() string {
	if p == RolloutNone {
		return "over"
	}
	return string(p)
}

// Forward reports whether the rollout is on its way to the new launch hash, or stands
// still on it.
func (p RolloutPhase) Forward() bool {
	switch p {
	case RolloutCanary, RolloutWaiting, RolloutRolling, RolloutPaused, RolloutCanaryPaused:
		return true
	default:
		return false
	}
}

// Moving reports whether workers are being replaced in this phase.
func (p RolloutPhase) Moving() bool {
	return p == RolloutCanary || p == RolloutRolling || p == RolloutReverting
}

// Still reports whether it goes on only when somebody says so.
func (p RolloutPhase) Still() bool {
	return p == RolloutWaiting || p == RolloutPaused || p == RolloutCanaryPaused
}

// Rollout is the rollout of one pool as a status shows it.
type Rollout struct {
	Phase RolloutPhase `json:"phase"`
	// Reason says why it is where it is, empty where that goes without saying.
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	// Done of Total places hold the launch hash that they are to hold; Canaries of them
	// change first.
	Done     int `json:"done"`
	Total    int `json:"total"`
	Canaries int `json:"canaries,omitempty"`
	Failures int `json:"failures,omitempty"`
}
