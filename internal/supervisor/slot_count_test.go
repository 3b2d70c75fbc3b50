package supervisor

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/lifecycle"
)

func limited(n int) dispatchPolicy {
	policy := usual
	policy.maxRequests = n
	return policy
}

func wantNotes(t *testing.T, d *dispatcher, want ...lifecycle.Event) {
	t.Helper()
	if diff := cmp.Diff(want, d.takeNotes()); diff != "" {
		t.Errorf("events for the pool loop (-want +got):\n%s", diff)
	}
}

// A slot takes exactly max_requests calls, says so when the last one has ended, and
// gets no other although one waits.
func TestSlotLeavesAfterItsLastCall(t *testing.T) {
	d, w := newPool(t, 1, limited(2))
	first := submit(t, d, time.Minute)
	wantNotes(t, d, lifecycle.Nearing{Worker: "w0"})
	w[0].send(result(w[0].wantCall(first).Stream, "1"))
	first.wantError(t, "")
	wantNotes(t, d)
	second, third := submit(t, d, time.Minute), submit(t, d, time.Minute)
	in := w[0].wantCall(second)
	wantNotes(t, d)
	w[0].send(result(in.Stream, "1"))
	second.wantError(t, "")
	wantNotes(t, d, lifecycle.Spent{Worker: "w0"})
	w[0].silent()
	third.unanswered(t)
	next := admitted(t, w[0].board, d, "next")
	next.send(result(next.wantCall(third).Stream, "1"))
	third.wantError(t, "")
	next.hangUp()
}

// A call that could not be written has not started: it is not counted.
func TestCallThatNeverStartedIsNotCounted(t *testing.T) {
	d, w := newPool(t, 1, limited(1))
	wantNotes(t, d, lifecycle.Nearing{Worker: "w0"})
	_ = w[0].out.Close()
	c := submit(t, d, time.Minute)
	c.unanswered(t)
	wantNotes(t, d)
	<-w[0].served
	w[0].connect(pastNothing)
	w[0].send(result(w[0].wantCall(c).Stream, "1"))
	c.wantError(t, "")
	wantNotes(t, d, lifecycle.Spent{Worker: "w0"})
}

// A lower limit holds for workers that run: one that is over it leaves at once.
func TestLimitIsLive(t *testing.T) {
	d, w := newPool(t, 1, usual)
	c := submit(t, d, time.Minute)
	w[0].send(result(w[0].wantCall(c).Stream, "1"))
	c.wantError(t, "")
	d.setPolicy(limited(1))
	wantNotes(t, d, lifecycle.Nearing{Worker: "w0"}, lifecycle.Spent{Worker: "w0"})
	if got := d.load().available; got != 0 {
		t.Errorf("%d slots are available, want none", got)
	}
}

// The pace of a worker decides when its replacement is started.
func TestNearing(t *testing.T) {
	for name, c := range map[string]struct {
		limit, taken int
		served       time.Duration // for the calls so far
		start        time.Duration
		want         bool
	}{
		"far away":                  {1000, 10, 50 * time.Millisecond, 100 * time.Millisecond, false},
		"within one start":          {1000, 985, 985 * 5 * time.Millisecond, 100 * time.Millisecond, true},
		"within two starts":         {1000, 965, 965 * 5 * time.Millisecond, 100 * time.Millisecond, true},
		"the last eighth":           {1000, 880, time.Hour, time.Millisecond, true},
		"a slow start":              {1000, 10, 50 * time.Millisecond, 10 * time.Second, true},
		"one call alone":            {1, 0, 0, 0, true},
		"nothing is known of paces": {1000, 0, 0, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDispatcher("pool.api", limited(c.limit))
			d.startTime = c.start
			w := &workerEntry{}
			w.rec.Incarnation = "w0"
			s := d.addSlots(w, 1)
			s.admitted, s.taken = true, c.taken
			s.checkNearing(int64(c.served))
			if got := len(d.takeNotes()) == 1; got != c.want {
				t.Errorf("nearing = %v, want %v", got, c.want)
			}
		})
	}
}
