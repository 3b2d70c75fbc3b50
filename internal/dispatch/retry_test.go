package dispatch

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/snakectl/snakectl/internal/pool"
)

func TestRetryPolicy(t *testing.T) {
	p := RetryPolicy{Attempts: 4, On: []string{"worker_died"}, Backoff: 100 * time.Millisecond}
	for _, tt := range []struct {
		name     string
		executed int
		category pool.Category
		left     time.Duration
		jitter   float64
		want     time.Duration
		ok       bool
	}{
		{"first", 1, pool.CategoryWorkerDied, time.Minute, 0, 100 * time.Millisecond, true},
		{"it doubles", 3, pool.CategoryWorkerDied, time.Minute, 0, 400 * time.Millisecond, true},
		{"half of it at least", 1, pool.CategoryWorkerDied, time.Minute, 1, 50 * time.Millisecond, true},
		{"no attempt left", 4, pool.CategoryWorkerDied, time.Minute, 0, 0, false},
		{"another failure", 1, pool.CategoryRaised, time.Minute, 0, 0, false},
		{"beyond the deadline", 1, pool.CategoryWorkerDied, 100 * time.Millisecond, 0, 100 * time.Millisecond, false},
		{"jitter brings it within", 1, pool.CategoryWorkerDied, 100 * time.Millisecond, 0.5, 75 * time.Millisecond, true},
	} {
		if got, ok := p.Wait(tt.executed, tt.category, tt.left, tt.jitter); got != tt.want || ok != tt.ok {
			t.Errorf("%s: Wait = %s, %t, want %s, %t", tt.name, got, ok, tt.want, tt.ok)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		p := RetryPolicy{Attempts: 100, On: []string{"worker_died"}, Backoff: time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(r, "backoff"))}
		left := time.Duration(rapid.Int64Range(1, int64(7*24*time.Hour)).Draw(r, "left"))
		executed := rapid.IntRange(1, 99).Draw(r, "executed")
		got, ok := p.Wait(executed, pool.CategoryWorkerDied, left, rapid.Float64Range(0, 0.999).Draw(r, "jitter"))
		if got < 0 || ok != (got < left) {
			r.Fatalf("Wait = %s, %t with %s left", got, ok, left)
		}
	})
}
