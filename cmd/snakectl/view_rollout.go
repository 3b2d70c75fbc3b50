package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// renderRollout says where the rollout of a pool is, and what to do where it waits.
func renderRollout(now *client.Rollout, at time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", now.Address, rolloutWords(now))
	if !now.Since.IsZero() && now.Phase != pool.RolloutNone {
		fmt.Fprintf(&b, ", since %s", at.Sub(now.Since).Round(time.Second))
	}
	b.WriteString("\n")
	if now.Reason != "" && now.Phase != pool.RolloutNone {
		fmt.Fprintf(&b, "  why: %s\n", now.Reason)
	}
	if next := rolloutAdvice[now.Phase]; next != "" {
		fmt.Fprintf(&b, "  next: %s\n", strings.ReplaceAll(next, "POOL", now.Address))
	}
	return b.String()
}

func rolloutWords(now *client.Rollout) string {
	of := fmt.Sprintf("%d of %d places", now.Done, now.Total)
	switch now.Phase {
	case pool.RolloutNone:
		return "nothing is being rolled"
	case pool.RolloutCanary:
		return fmt.Sprintf("canary: %d of %s changed", now.Done, count(now.Canaries, "canary place"))
	case pool.RolloutWaiting:
		return fmt.Sprintf("%s healthy, waiting to be promoted", count(now.Canaries, "canary"))
	case pool.RolloutRolling:
		return "rolling: " + of + " changed"
	case pool.RolloutPaused, pool.RolloutCanaryPaused:
		return "paused: " + of + " changed"
	case pool.RolloutReverting:
		return "reverting: " + of + " back"
	case pool.RolloutReverted:
		return "reverted"
	case pool.RolloutHeld:
		return "stopped: workers of different code serve"
	}
	return string(now.Phase)
}

// rolloutAdvice is what can be done in a phase that does not end by itself.
var rolloutAdvice = map[pool.RolloutPhase]string{
	pool.RolloutWaiting:      "snakectl rollout promote POOL, or snakectl rollout abort POOL",
	pool.RolloutPaused:       "snakectl rollout resume POOL, or snakectl rollout abort POOL",
	pool.RolloutCanaryPaused: "snakectl rollout resume POOL, or snakectl rollout abort POOL",
	pool.RolloutHeld:         "snakectl apply goes on from there",
}
