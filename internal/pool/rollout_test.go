package pool_test

import (
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
)

// TestRolloutEnds: from every phase a failure leads, within two events, to a phase that
// only another target leaves: no rollout fails for ever.
func TestRolloutEnds(t *testing.T) {
	for _, p := range []pool.RolloutPhase{
		pool.RolloutCanary, pool.RolloutWaiting, pool.RolloutRolling, pool.RolloutPaused, pool.RolloutCanaryPaused, pool.RolloutReverting, pool.RolloutHeld,
	} {
		at := p
		for range 2 {
			next, err := at.Next(pool.RolloutRevert)
			if err != nil {
				if next, err = at.Next(pool.RolloutHold); err != nil {
					t.Fatalf("%s can neither revert nor hold: %v", at, err)
				}
			}
			at = next
		}
		if at != pool.RolloutHeld {
			t.Errorf("%s, after two failures, is %s, want held", p, at)
		}
		for _, e := range []pool.RolloutEvent{pool.RolloutBegin, pool.RolloutBeginCanary, pool.RolloutRevert, pool.RolloutPromote, pool.RolloutResume, pool.RolloutSettle, pool.RolloutPause, pool.RolloutProved} {
			if next, err := at.Next(e); err == nil || next != pool.RolloutHeld {
				t.Errorf("held takes %s to %s, want it refused", e, next)
			}
		}
	}
}

func TestRolloutPhases(t *testing.T) {
	for _, c := range []struct {
		from  pool.RolloutPhase
		event pool.RolloutEvent
		to    pool.RolloutPhase
	}{
		{pool.RolloutNone, pool.RolloutBegin, pool.RolloutRolling},
		{pool.RolloutNone, pool.RolloutBeginCanary, pool.RolloutCanary},
		{pool.RolloutCanary, pool.RolloutProved, pool.RolloutWaiting},
		{pool.RolloutWaiting, pool.RolloutPromote, pool.RolloutRolling},
		{pool.RolloutRolling, pool.RolloutSettle, pool.RolloutNone},
		{pool.RolloutCanary, pool.RolloutPause, pool.RolloutCanaryPaused},
		{pool.RolloutCanaryPaused, pool.RolloutResume, pool.RolloutCanary},
		{pool.RolloutRolling, pool.RolloutPause, pool.RolloutPaused},
		{pool.RolloutPaused, pool.RolloutResume, pool.RolloutRolling},
		{pool.RolloutReverting, pool.RolloutSettle, pool.RolloutReverted},
		{pool.RolloutReverting, pool.RolloutHold, pool.RolloutHeld},
		{pool.RolloutReverted, pool.RolloutForget, pool.RolloutNone},
	} {
		if got, err := c.from.Next(c.event); err != nil || got != c.to {
			t.Errorf("%q.Next(%s) = %q, %v, want %q", c.from, c.event, got, err, c.to)
		}
	}
	for _, c := range []struct {
		from  pool.RolloutPhase
		event pool.RolloutEvent
	}{
		{pool.RolloutRolling, pool.RolloutPromote}, {pool.RolloutWaiting, pool.RolloutPause}, {pool.RolloutReverted, pool.RolloutRevert}, {pool.RolloutReverting, pool.RolloutPause}, {pool.RolloutNone, pool.RolloutPause},
	} {
		if got, err := c.from.Next(c.event); err == nil || got != c.from {
			t.Errorf("%q.Next(%s) = %q, %v, want it refused", c.from, c.event, got, err)
		}
	}
}
