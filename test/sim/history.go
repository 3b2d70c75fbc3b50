package sim

import (
	"time"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// play lets one history happen: operators, callers and faults for a while, then
// quiet, and then everything has to be as it should.
func (w *world) play() {
	if w.chance(90) { // most instances had something once
		nothing := empty()
		w.disk.desired, w.disk.status = &nothing, pool.RevisionStable
	}
	w.boot()
	for range w.rng.IntN(4) {
		w.caller(addresses, w.between(20*time.Millisecond, 400*time.Millisecond))
	}
	w.applySome()
	for range 4 + w.rng.IntN(14) {
		w.run(w.between(5*time.Millisecond, 1200*time.Millisecond))
		if w.broken != nil {
			return
		}
		w.act()
	}
	w.settle()
}

// act lets an operator or a fault do one thing.
func (w *world) act() {
	if w.sup == nil {
		return
	}
	addr := addresses[w.rng.IntN(len(addresses))]
	switch n := w.rng.IntN(100); {
	case n < 34:
		w.applySome()
	case n < 42:
		w.sup.scale(addr, w.rng.IntN(maxSize+1))
	case n < 52:
		w.sup.recycle(addr, w.rng.IntN(maxSize+1)-1)
	case n < 57:
		if w.sup.op != nil {
			w.note("stop %s", w.sup.op.id)
			w.sup.op.stop()
		}
	case n < 62:
		w.burst(addr)
	case n < 66:
		w.sup.pause(addr, w.rng.IntN(maxSize+1)-1, w.chance(60))
	case n < 69:
		w.sup.shutdown()
	case w.calm:
	case n < 77:
		w.restart()
	default:
		w.disturb()
	}
}

// applySome applies a configuration that differs a little, sometimes from a plan
// that was agreed to a while ago.
func (w *world) applySome() {
	s := w.sup
	desired := w.change(s.desired)
	if !w.chance(30) {
		s.apply(desired, nil)
		return
	}
	approved := s.plan(desired)
	if more := planner.Exceeds(approved, approved); len(more) > 0 {
		w.violate(InvariantConverge, "a plan exceeds itself: %q", more)
	}
	s.after(w.between(0, time.Second), func() { s.apply(desired, &approved) })
}

// burst makes many calls at once.
func (w *world) burst(addr string) {
	for range 3 + w.rng.IntN(12) {
		w.after(w.between(0, 20*time.Millisecond), func() { w.submit(addr) })
	}
}

// restart kills the supervisor and starts another after a while.
func (w *world) restart() {
	w.crash()
	down := w.between(time.Millisecond, 600*time.Millisecond)
	if w.chance(8) {
		down = orphanGrace + w.between(0, time.Second)
	}
	w.after(down, w.boot)
}

// disturb does something to a process.
func (w *world) disturb() {
	if len(w.processes) == 0 {
		return
	}
	for range 1 + w.rng.IntN(2) {
		if len(w.processes) == 0 {
			return
		}
		p := w.processes[w.rng.IntN(len(w.processes))]
		switch n := w.rng.IntN(10); {
		case n < 5:
			p.die("was killed by SIGKILL")
		case n < 7 && p.slot != nil:
			p.loseSlot(w.between(5*time.Millisecond, 2*time.Second))
		case n < 9 && p.control != nil:
			p.loseControl(w.between(5*time.Millisecond, 2*time.Second))
		case n == 9:
			p.frozen = true
			w.note("%s pid %d  freezes", p.name(), p.pid)
			w.sup.listen(p)
		}
	}
}

func (p *process) name() string { return pool.Incarnate(pool.WorkerAddress(p.addr, p.place), p.id) }
