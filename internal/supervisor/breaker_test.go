package supervisor

import (
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/dispatch"
	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// TestBreakerOfAPool: the failures of executions open it, its callers are told when
// to come again, a trial closes it, and each turn is told once.
func TestBreakerOfAPool(t *testing.T) {
	policy := usual
	policy.breaker = dispatch.BreakerPolicy{Failures: 2, Reset: time.Hour, HalfOpen: 1}
	d, w := newPool(t, 1, policy)
	fail := func(category pool.Category) {
		c := submit(t, d, time.Minute)
		w[0].wantCall(c)
		w[0].hangUp()
		w[0].connect(wire.History{})
		c.wantError(t, category)
	}
	raised := submit(t, d, time.Minute)
	w[0].send(errorFrame(w[0].wantCall(raised).Stream, pool.CategoryRaised))
	raised.wantError(t, pool.CategoryRaised)
	fail(pool.CategoryUnavailable)
	short := submit(t, d, time.Millisecond)
	in := w[0].wantCall(short)
	short.wantError(t, pool.CategoryDeadline)
	w[0].send(errorFrame(in.Stream, pool.CategoryCancelled)) // settled long ago: it says nothing

	err := submit(t, d, time.Minute).wantError(t, pool.CategoryUnavailable)
	if !err.Retryable || err.Started || err.RetryAfterMS < 3_500_000 || err.RetryAfterMS > 3_600_000 {
		t.Errorf("error = %+v, want it retryable in an hour", err)
	}
	if st := d.load().breaker; st == nil || st.State != pool.BreakerOpen || st.Failures != 2 || st.Last != pool.CategoryDeadline || st.RetryAfterMS == 0 {
		t.Errorf("status = %+v, want it open", st)
	}
	policy.breaker.Reset = time.Millisecond
	d.setPolicy(policy)
	<-time.After(2 * time.Millisecond) // reset passes
	trial := submit(t, d, time.Minute)
	submit(t, d, time.Minute).wantError(t, pool.CategoryUnavailable)
	w[0].send(result(w[0].wantCall(trial).Stream, "1"))
	trial.wantError(t, "")
	if st := d.load().breaker; st.State != pool.BreakerClosed || st.Failures != 0 {
		t.Errorf("status = %+v, want it closed", st)
	}
	var told []string
	for _, e := range d.takeUntold() {
		told = append(told, e.Type())
		if opened, ok := e.(event.PoolBreakerOpened); ok && (opened.Failures != 2 || opened.Category != "deadline_exceeded" || opened.ResetUS != 3_600_000_000) {
			t.Errorf("told %+v", opened)
		}
	}
	if len(told) != 3 || told[0] != "pool.breaker_opened" || told[1] != "pool.breaker_half_opened" || told[2] != "pool.breaker_closed" {
		t.Errorf("told %v", told)
	}
	if got := d.load().counts; got.OK != 1 || got.Failed != 2 || got.Timeout != 1 || got.Rejected != 2 {
		t.Errorf("counts = %+v", got)
	}
}

// TestTrialThatShowsNothing: a call on trial that is given up while it waits lets
// another one have its turn.
func TestTrialThatShowsNothing(t *testing.T) {
	policy := usual
	policy.breaker = dispatch.BreakerPolicy{Failures: 1, Reset: 1, HalfOpen: 1}
	d, w := newPool(t, 1, policy)
	lost := submit(t, d, time.Minute)
	w[0].wantCall(lost)
	w[0].entry.slots.remove(pool.NewCallError(pool.CategoryWorkerDied, "it died"))
	lost.wantError(t, pool.CategoryWorkerDied)
	trial := submit(t, d, time.Minute)
	submit(t, d, time.Minute).wantError(t, pool.CategoryUnavailable)
	d.cancel(&trial.call)
	submit(t, d, time.Minute).unanswered(t)
}
