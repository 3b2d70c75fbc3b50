package sim

import (
	"fmt"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// operation is one apply or recycle as it goes on.
type operation struct {
	id      string
	stopped bool
	// stops are called when somebody asks the operation to stop.
	stops []func()
	// result is empty until it has ended.
	result string
}

// begin makes a new operation the current one; nil when another is in the way.
func (s *supervisor) begin() *operation {
	if s.op != nil || s.closing {
		return nil
	}
	s.w.operations++
	s.op = &operation{id: fmt.Sprintf("op-%06d", s.w.operations)}
	return s.op
}

func (s *supervisor) end(op *operation, result string) {
	op.result = result
	if s.op == op {
		s.op = nil
	}
	if s.w.trace != nil {
		s.w.note("%s ends: %s", op.id, result)
	}
}

// stop asks the operation to end at the next safe point.
func (op *operation) stop() {
	op.stopped = true
	stops := op.stops
	op.stops = nil
	for _, fn := range stops {
		fn()
	}
}

// onStop calls fn when the operation is asked to stop, at once when it was.
func (op *operation) onStop(fn func()) {
	if op.stopped {
		fn()
		return
	}
	op.stops = append(op.stops, fn)
}

// follower waits for one pool to reach its target, or to fail.
type follower struct {
	r     *runner
	limit time.Duration
	last  time.Duration
	done  func(reason string)
}

// await has done called when the pool has settled (""), or cannot (why). Without
// any report for the length of limit it gives up.
func (op *operation) await(r *runner, limit time.Duration, done func(reason string)) *follower {
	f := &follower{r: r, limit: limit, last: r.s.w.now, done: done}
	op.onStop(func() {
		if f.done != nil {
			r.send(func() { r.step(lifecycle.Pause{Reason: "stopped by request"}) })
		}
	})
	f.watch()
	return f
}

func (f *follower) see(p lifecycle.Progress) {
	f.last = f.r.s.w.now
	switch {
	case p.Settled:
		f.finish("")
	case p.Failed != "":
		f.finish(p.Failed)
	}
}

func (f *follower) watch() {
	s := f.r.s
	s.after(f.last+f.limit-s.w.now, func() {
		switch {
		case f.done == nil:
		case s.w.now >= f.last+f.limit:
			f.finish("no progress")
		default:
			f.watch()
		}
	})
}

func (f *follower) finish(reason string) {
	if f.done == nil {
		return
	}
	done := f.done
	f.done = nil
	f.r.follow = nil
	f.r.s.after(0, func() { done(reason) })
}

// each calls fn for every item, four at a time, and then once all have called their
// done.
func each[T any](items []T, fn func(item T, done func()), then func()) {
	open, begun := 0, 0
	var more func()
	more = func() {
		for open < 4 && begun < len(items) {
			item := items[begun]
			begun++
			open++
			fn(item, func() {
				open--
				more()
			})
		}
		if open == 0 && begun == len(items) && then != nil {
			fn := then
			then = nil
			fn()
		}
	}
	more()
}

// trial is a launch hash that is tried out with one worker outside the rotation.
type trial struct {
	report func(ok bool)
}

func (t *trial) happened(event pool.WorkerEvent) {
	if t.report != nil && (event == pool.WorkerAnswered || event == pool.WorkerExit) {
		report := t.report
		t.report = nil
		report(event == pool.WorkerAnswered)
	}
}

// preflight tries a launch out; done gets the ready worker, or nil.
func (r *runner) preflight(op *operation, l *launch, done func(*entry)) {
	w := r.s.w
	r.send(func() {
		if w.fault(2) {
			done(nil) // it could not even be started
			return
		}
		t := &trial{}
		e := r.adopt(w.spawn(r.s, r.addr, 0, w.newID(), l), l, pool.WorkerHandshaking, t)
		t.report = func(ok bool) {
			if !ok {
				done(nil)
				return
			}
			done(e)
		}
		giveUp := func() {
			if t.report != nil {
				t.report = nil
				r.discard(e, func() { done(nil) })
			}
		}
		r.s.after(l.spec.StartTimeout.D(), giveUp)
		op.onStop(giveUp)
	})
}

// discard kills a trial worker and has then called when it has ended.
func (r *runner) discard(e *entry, then func()) {
	if !e.p.alive {
		r.s.after(0, then)
		return
	}
	e.gone = then
	e.p.kill()
}

// recycle replaces the worker of one place, or all of them when it is -1.
func (s *supervisor) recycle(addr string, place int) {
	r := s.runners[addr]
	if r == nil || s.desired.Pool(addr) == nil || place >= s.sizeOf(s.desired.Pool(addr)) {
		return
	}
	op := s.begin()
	if op == nil {
		return
	}
	s.w.note("%s recycles %s/%d", op.id, addr, place)
	r.send(func() { r.step(lifecycle.Recycle{Place: place}) })
	f := op.await(r, r.spec.StartTimeout.D()+r.spec.StopGrace.D(), func(reason string) { s.end(op, reason) })
	r.send(func() { r.attend(f) })
}

// attend makes f the pool's follower.
func (r *runner) attend(f *follower) {
	r.follow = f.see
	f.see(r.m.Progress())
}

// scale sets the size of a pool by hand.
func (s *supervisor) scale(addr string, size int) {
	r := s.runners[addr]
	spec := s.desired.Pool(addr)
	if r == nil || spec == nil {
		return
	}
	o := &pool.Override{Size: size, By: "operator", At: s.w.time()}
	if size == spec.Size {
		o = nil
	}
	s.w.note("scale %s to %d", addr, size)
	s.keeper.later(func(d *disk) {
		d.setOverride(addr, o)
		s.override(addr, o)
		r.send(func() {
			r.resized(size)
			r.step(lifecycle.Resize{Size: size})
		})
	})
}

func (s *supervisor) override(addr string, o *pool.Override) {
	if o == nil {
		delete(s.overrides, addr)
		return
	}
	s.overrides[addr] = *o
}
