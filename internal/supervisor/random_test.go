package supervisor

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// farm plays workers that answer, fail, dawdle, hang up and die at random, and
// watches that no slot ever gets a second call or a call behind DRAIN.
type farm struct {
	t     *testing.T
	d     *dispatcher
	board *switchboard
	next  atomic.Int32
	quit  chan struct{} // closed when the faults end
	all   sync.WaitGroup

	mu   sync.Mutex
	live map[*fakeWorker]bool
}

// hire adds a worker that plays until it is drained, dies or the test ends.
func (f *farm) hire(seed uint64) {
	w := newWorker(f.t, f.board, f.d, fmt.Sprintf("w%d", f.next.Add(1)))
	f.mu.Lock()
	f.live[w] = true
	f.mu.Unlock()
	w.entry.slots.admit()
	f.all.Go(func() { f.play(w, rand.New(rand.NewPCG(seed, 1))) })
}

// retire ends a worker as its death does, and hires another.
func (f *farm) retire(w *fakeWorker, r *rand.Rand) {
	f.mu.Lock()
	delete(f.live, w)
	f.mu.Unlock()
	w.entry.slots.remove(pool.NewCallError(pool.CategoryWorkerDied, "it died"))
	f.hire(r.Uint64())
}

func (f *farm) calm() bool {
	select {
	case <-f.quit:
		return true
	default:
		return false
	}
}

// play is the life of one worker.
func (f *farm) play(w *fakeWorker, r *rand.Rand) {
	for {
		in, err := w.read()
		if err != nil {
			return // the test hung up
		}
		switch in.Type {
		case wire.TypeDrain:
			f.dawdle(w, r) // a call that came behind it would be lost
			w.hangUp()
			f.retire(w, r)
			return
		case wire.TypeCall:
			if !f.work(w, in, r) {
				return
			}
		default:
			f.t.Errorf("a worker got %s", in.Type)
		}
	}
}

// work executes one call in one of many ways; it reports false when the worker is
// gone.
func (f *farm) work(w *fakeWorker, in incoming, r *rand.Rand) bool {
	if r.IntN(3) == 0 {
		f.dawdle(w, r)
	}
	what := r.IntN(100)
	if f.calm() {
		what = 0
	}
	switch {
	case what < 50:
		w.send(result(in.Stream, "1"))
	case what < 65:
		w.send(errorFrame(in.Stream, pool.CategoryRaised))
	case what < 70:
		w.send(errorFrame(in.Stream, pool.CategoryDeadline))
	case what < 80:
		for _, frame := range longResult(in.Stream) {
			f.dawdle(w, r)
			w.send(frame)
		}
	case what < 84: // hangs up and brings the answer along
		w.hangUp()
		w.connect(pastKept(in.id))
		w.send(result(in.Stream, "1"))
	case what < 88: // hangs up and knows of no call
		w.hangUp()
		w.connect(pastNothing)
	case what < 92: // answers and hangs up at once: the next call may be on its way
		w.send(result(in.Stream, "1"))
		w.hangUp()
		w.connect(pastNothing)
	case what < 96:
		w.hangUp()
		f.retire(w, r)
		return false
	default:
		w.send(result(in.Stream, "1"))
		w.entry.slots.withdraw()
	}
	return true
}

// dawdle takes a little while, in which no second call may come.
func (f *farm) dawdle(w *fakeWorker, r *rand.Rand) {
	_ = w.conn.SetReadDeadline(time.Now().Add(time.Duration(r.IntN(2000)) * time.Microsecond))
	for {
		in, err := w.read()
		if err != nil {
			break
		}
		f.t.Errorf("%s came beside a call", in.Type)
	}
	_ = w.conn.SetReadDeadline(time.Time{})
}

// oracle is what the callers saw.
type oracle struct{ ok, failed, timeout, rejected, queueTimeout, cancelled atomic.Uint64 }

func (o *oracle) counts() pool.CallCounts {
	return pool.CallCounts{
		OK: o.ok.Load(), Failed: o.failed.Load(), Timeout: o.timeout.Load(), Rejected: o.rejected.Load(),
		QueueTimeout: o.queueTimeout.Load(), Cancelled: o.cancelled.Load(),
	}
}

// see notes how one call ended for its caller.
func (o *oracle) see(c *testCall) {
	switch {
	case c.failure == nil:
		o.ok.Add(1)
	case c.failure.Category == pool.CategoryDeadline:
		o.timeout.Add(1)
	case c.failure.Category == pool.CategorySaturated:
		o.rejected.Add(1)
	case c.failure.Category == pool.CategoryQueueTimeout:
		o.queueTimeout.Add(1)
	default:
		o.failed.Add(1)
	}
}

// caller makes calls one after the other; some have short deadlines, some are
// given up.
func caller(t *testing.T, d *dispatcher, o *oracle, r *rand.Rand, calls int) {
	for range calls {
		timeout := time.Minute
		if r.IntN(5) == 0 {
			timeout = time.Duration(r.IntN(3000)) * time.Microsecond
		}
		c := submit(t, d, timeout)
		if r.IntN(6) == 0 {
			pause := time.NewTimer(time.Duration(r.IntN(1500)) * time.Microsecond)
			select {
			case <-pause.C:
			case <-c.done:
			}
			if d.cancel(&c.call) {
				o.cancelled.Add(1)
				c.end()
				continue
			}
		}
		select {
		case <-c.done:
		case <-time.After(patience):
			t.Error("a call was never answered")
			return
		}
		c.mu.Lock()
		o.see(c)
		if n := c.answers.Load(); n != 1 {
			t.Errorf("a call was answered %d times", n)
		}
		c.mu.Unlock()
	}
}

// TestEveryCallIsAnsweredOnce runs random callers against random workers. At the
// end the counters are what the callers saw, and every slot is idle.
func TestEveryCallIsAnsweredOnce(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	policy := dispatchPolicy{queueMax: 6, queueTimeout: 3 * time.Millisecond, callTimeout: time.Minute, stopGrace: time.Minute}
	d := newDispatcher("pool.api", policy)
	f := &farm{t: t, d: d, board: newSwitchboard(t), quit: make(chan struct{}), live: map[*fakeWorker]bool{}}
	const workers, callers, each = 4, 12, 200
	for i := range workers {
		f.hire(seed + uint64(i))
	}
	var o oracle
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { caller(t, d, &o, rand.New(rand.NewPCG(seed, uint64(i)+100)), each) })
	}
	all.Wait()
	close(f.quit)

	f.settle(workers)
	wantNotes(t, d)
	if got, want := d.load().counts, o.counts(); got != want {
		t.Errorf("counts = %+v, want what the callers saw: %+v", got, want)
	}
	t.Logf("counts %+v", o.counts())
	if n := callers * each; total(o.counts()) < uint64(n) {
		t.Errorf("%d calls ended, want %d", total(o.counts()), n)
	}
	f.mu.Lock()
	for w := range f.live {
		w.hangUp()
	}
	f.mu.Unlock()
	f.all.Wait()
}

// settle waits until every slot is idle: calls that nobody waits for any more go on
// for a moment, and a worker that left is replaced by another one.
func (f *farm) settle(workers int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		l := f.d.load()
		f.mu.Lock()
		live := len(f.live)
		f.mu.Unlock()
		if live == workers && l.available == live && l.busy == 0 && l.waiting == 0 {
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("load = %+v with %d live slots: one was lost", l, live)
		}
	}
}

func total(c pool.CallCounts) uint64 {
	return c.OK + c.Failed + c.Timeout + c.Rejected + c.QueueTimeout + c.Cancelled
}
