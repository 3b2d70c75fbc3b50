package supervisor

import (
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/dispatch"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// submitAgain makes a call that may be executed several times.
func submitAgain(t testing.TB, d *dispatcher, timeout time.Duration) *testCall {
	t.Helper()
	c := newCall(timeout)
	c.idempotent = true
	frames, err := encodeCall(c.id, ExecRequest{Command: "echo", Body: []byte("{}"), Idempotent: true})
	if err != nil {
		t.Fatal(err)
	}
	d.submit(&c.call, frames)
	return c
}

func retrying(attempts int, backoff time.Duration, on ...string) dispatchPolicy {
	p := usual
	p.retry = dispatch.RetryPolicy{Attempts: attempts, On: on, Backoff: backoff}
	return p
}

// TestRetries: a call is executed as often as the policy says, and its answer and the
// counters tell how often.
func TestRetries(t *testing.T) {
	d, w := newPool(t, 1, retrying(3, 0, "raised", "unavailable"))
	c := submitAgain(t, d, time.Minute)
	w[0].send(errorFrame(w[0].wantCall(c).Stream, pool.CategoryRaised))
	w[0].wantCall(c)
	w[0].hangUp()
	w[0].connect(wire.History{})
	in := w[0].wantCall(c)
	c.unanswered(t)
	w[0].send(result(in.Stream, "1"))
	c.wantError(t, "")
	if c.retries != 2 {
		t.Errorf("the result tells of %d retries, want 2", c.retries)
	}
	wantLoad(t, d, load{counts: pool.CallCounts{OK: 1, Retried: 2}, available: 1})

	c = submitAgain(t, d, time.Minute)
	for range 3 {
		w[0].send(errorFrame(w[0].wantCall(c).Stream, pool.CategoryRaised))
	}
	if err := c.wantError(t, pool.CategoryRaised); err.Attempts != 3 {
		t.Errorf("error = %+v, want 3 attempts", err)
	}
	wantLoad(t, d, load{counts: pool.CallCounts{OK: 1, Failed: 1, Retried: 4}, available: 1})
}

// TestNoRetry: what is not worth a second attempt, or not allowed one, has none.
func TestNoRetry(t *testing.T) {
	t.Run("not idempotent", func(t *testing.T) {
		d, w := newPool(t, 1, retrying(3, 0, "raised"))
		c := submit(t, d, time.Minute)
		w[0].send(errorFrame(w[0].wantCall(c).Stream, pool.CategoryRaised))
		if err := c.wantError(t, pool.CategoryRaised); err.Attempts != 0 {
			t.Errorf("error = %+v, want no word of attempts", err)
		}
	})
	t.Run("part of the answer is gone", func(t *testing.T) {
		d, w := newPool(t, 1, retrying(3, 0, "raised"))
		c := submitAgain(t, d, time.Minute)
		in := w[0].wantCall(c)
		w[0].send(longResult(in.Stream)[0])
		w[0].send(errorFrame(in.Stream, pool.CategoryRaised))
		c.wantError(t, pool.CategoryRaised)
	})
	t.Run("the breaker opened", func(t *testing.T) {
		policy := retrying(3, 0, "unavailable")
		policy.breaker = dispatch.BreakerPolicy{Failures: 1, Reset: time.Hour, HalfOpen: 1}
		d, w := newPool(t, 1, policy)
		c := submitAgain(t, d, time.Minute)
		w[0].wantCall(c)
		w[0].hangUp()
		w[0].connect(wire.History{})
		c.wantError(t, pool.CategoryUnavailable)
	})
	t.Run("cancelled", func(t *testing.T) {
		d, w := newPool(t, 1, retrying(3, 0, "raised"))
		c := submitAgain(t, d, time.Minute)
		in := w[0].wantCall(c)
		d.cancel(&c.call)
		w[0].send(errorFrame(in.Stream, pool.CategoryRaised))
		w[0].wantCall(submit(t, d, time.Minute))
	})
}

// TestBackoff: a call that waits for its next attempt holds no slot, is counted as
// waiting, and ends like any other that waits.
func TestBackoff(t *testing.T) {
	rest := func(t *testing.T, backoff time.Duration) (*dispatcher, *fakeWorker, *testCall) {
		t.Helper()
		d, w := newPool(t, 1, retrying(2, backoff, "raised"))
		c := submitAgain(t, d, time.Minute)
		w[0].send(errorFrame(w[0].wantCall(c).Stream, pool.CategoryRaised))
		other := submit(t, d, time.Minute)
		w[0].send(result(w[0].wantCall(other).Stream, "1"))
		other.wantError(t, "")
		return d, w[0], c
	}
	t.Run("it comes back", func(t *testing.T) {
		_, w, c := rest(t, 20*time.Millisecond)
		in := w.wantCall(c)
		w.send(result(in.Stream, "2"))
		c.wantError(t, "")
	})
	t.Run("cancelled", func(t *testing.T) {
		d, w, c := rest(t, 30*time.Second)
		wantLoad(t, d, load{counts: pool.CallCounts{OK: 1, Retried: 1}, available: 1, waiting: 1})
		if !d.cancel(&c.call) {
			t.Error("cancel = false")
		}
		wantLoad(t, d, load{counts: pool.CallCounts{OK: 1, Retried: 1, Cancelled: 1}, available: 1})
		w.silent()
	})
	t.Run("the pool ends", func(t *testing.T) {
		d, _, c := rest(t, 30*time.Second)
		drained := d.close(pool.NewCallError(pool.CategoryUnavailable, "closed"))
		select {
		case <-drained:
			t.Fatal("drained while a call waits")
		default:
		}
		d.failQueued(pool.NewCallError(pool.CategoryUnavailable, "closed"))
		c.wantError(t, pool.CategoryUnavailable)
		<-drained
	})
}
