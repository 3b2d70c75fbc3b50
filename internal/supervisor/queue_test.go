package supervisor

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/snakectl/snakectl/internal/pool"
)

func overflowing(how string) dispatchPolicy {
	p := usual
	p.queueMax, p.overflow = 1, how
	return p
}

func TestDropOldest(t *testing.T) {
	d, w := newPool(t, 1, overflowing(pool.OverflowDropOldest))
	running, oldest := submit(t, d, time.Minute), submit(t, d, time.Minute)
	newer := submit(t, d, time.Minute)
	if err := oldest.wantError(t, pool.CategorySaturated); !err.Retryable || err.Started {
		t.Errorf("error = %+v, want it retryable and not started", err)
	}
	wantLoad(t, d, load{counts: pool.CallCounts{Rejected: 1}, busy: 1, waiting: 1})
	w[0].send(result(w[0].wantCall(running).Stream, "1"))
	w[0].wantCall(newer)
}

// TestBlock: a call that finds the queue full has its caller wait until there is
// room, or until it is answered.
func TestBlock(t *testing.T) {
	for name, max := range map[string]int{"a queue of one": 1, "no queue": 0} {
		t.Run(name, func(t *testing.T) {
			policy := overflowing(pool.OverflowBlock)
			policy.queueMax = max
			d, w := newPool(t, 1, policy)
			calls := []*testCall{submit(t, d, time.Minute)}
			for range max {
				calls = append(calls, submit(t, d, time.Minute))
			}
			frames, err := encodeCall(calls[0].id, ExecRequest{Command: "echo"})
			if err != nil {
				t.Fatal(err)
			}
			blocked, left := newCall(time.Minute), newCall(time.Minute)
			room := d.submit(&blocked.call, frames)
			gone := d.submit(&left.call, frames)
			select {
			case <-room:
				t.Fatal("there is room in a full queue")
			default:
			}
			if !d.cancel(&left.call) {
				t.Error("cancel = false")
			}
			<-gone
			wantLoad(t, d, load{counts: pool.CallCounts{Cancelled: 1}, busy: 1, waiting: max + 1})
			w[0].send(result(w[0].wantCall(calls[0]).Stream, "1"))
			<-room
			for _, c := range calls[1:] {
				w[0].send(result(w[0].wantCall(c).Stream, "1"))
			}
			blocked.unanswered(t)
			w[0].send(result(w[0].want(3).Stream, "1"))
			blocked.wantError(t, "")
		})
	}
	t.Run("for queue.timeout at most", func(t *testing.T) {
		policy := overflowing(pool.OverflowBlock)
		policy.queueMax, policy.queueTimeout = 0, 10*time.Millisecond
		d, _ := newPool(t, 1, policy)
		submit(t, d, time.Minute)
		submit(t, d, time.Minute).wantError(t, pool.CategoryQueueTimeout)
	})
}

// TestWaitingOrder compares a line with a plain list that is searched.
func TestWaitingOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var line waiting
		var model []*call
		for range rapid.IntRange(0, 40).Draw(r, "steps") {
			switch what := rapid.IntRange(0, 3).Draw(r, "what"); {
			case what == 0 && len(model) > 0:
				i := rapid.IntRange(0, len(model)-1).Draw(r, "which")
				line.remove(model[i])
				model = append(model[:i:i], model[i+1:]...)
			case what == 1 && len(model) > 0:
				if got := line.pop(); got != model[0] || got.line != nil {
					r.Fatal("pop is not the first one")
				}
				model = model[1:]
			default:
				c, first := &call{priority: uint8(rapid.IntRange(0, 2).Draw(r, "priority"))}, what == 2
				line.push(c, first)
				at := 0
				for at < len(model) && (model[at].priority > c.priority || !first && model[at].priority == c.priority) {
					at++
				}
				model = append(model[:at:at], append([]*call{c}, model[at:]...)...)
			}
			var got []*call
			for c := range line.all() {
				got = append(got, c)
			}
			if !cmp.Equal(len(got), len(model)) || line.len() != len(model) {
				r.Fatalf("%d calls, len %d, want %d", len(got), line.len(), len(model))
			}
			for i := range got {
				if got[i] != model[i] {
					r.Fatalf("call %d is another one", i)
				}
			}
		}
	})
}

// TestACallCostsNoMore: without a retry to come and with the breaker off, a call
// that goes straight through allocates nothing here.
func TestACallCostsNoMore(t *testing.T) {
	d := newDispatcher("pool.api", retrying(2, 0, "worker_died", "unavailable"))
	b := newSwitchboard(t)
	w := admitted(t, b, d, "w0")
	defer w.hangUp()
	c := &call{dispatcher: d, deadline: 1 << 62}
	if n := testing.AllocsPerRun(100, func() {
		d.mu.Lock()
		if d.shut(c, 1) != nil {
			t.Error("it is refused")
		}
		s := d.pick()
		c.settled = false
		s.assign(c, 1)
		d.judge(c, nil)
		d.settle(c, outcomeOK)
		s.hold(nil)
		d.next(s)
		d.mu.Unlock()
	}); n != 0 {
		t.Errorf("%v allocations for a call, want none", n)
	}
}
