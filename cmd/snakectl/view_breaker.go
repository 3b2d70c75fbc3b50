package main

import (
	"fmt"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// breakerText says that a pool refuses calls, "" when it does not.
func breakerText(b *pool.BreakerStatus) string {
	if b == nil || b.State == pool.BreakerClosed {
		return ""
	}
	text := fmt.Sprintf("the breaker is open: %d executions in a row failed, the last one as %s", b.Failures, b.Last)
	switch after := time.Duration(b.RetryAfterMS) * time.Millisecond; {
	case b.State == pool.BreakerHalfOpen:
		text = fmt.Sprintf("the breaker is half open: calls on trial run; before, %d executions in a row failed, the last one as %s", b.Failures, b.Last)
	case after > 0:
		text += "; calls are tried again in " + pool.Duration(after.Round(100*time.Millisecond)).String()
	default:
		text += "; the next call is tried"
	}
	return text
}
