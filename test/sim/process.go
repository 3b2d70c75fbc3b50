package sim

import (
	"slices"
	"time"
)

// orphanGrace is how long a worker waits for the next supervisor.
const orphanGrace = 3 * time.Second

// process is one worker as the operating system has it. It outlives supervisors.
type process struct {
	w      *world
	pid    int
	addr   string
	place  int
	id     string
	launch string

	alive bool
	// ready: it has imported its adapter.
	ready bool
	// control and slot are its connections, nil while there are none.
	control, slot *link
	// orphaned is when its control connection ended.
	orphaned time.Duration
	// drained: it was told to end. finishing: it does.
	drained, finishing bool
	// running is the call that it executes.
	running *call
	memory  memory

	// deafDrain, deafSignal: it ignores DRAIN, or every signal but KILL. frozen: it
	// does nothing any more.
	deafDrain, deafSignal, frozen bool

	// executed counts the calls it began, swollen: it holds more memory than it may.
	executed int
	swollen  bool
}

// link is a connection between a worker and one supervisor.
type link struct {
	p   *process
	sup *supervisor
	// broken: the worker's end is gone. failed: a write on this end tells so.
	broken, failed bool
}

// spawn starts a worker's process.
func (w *world) spawn(s *supervisor, addr string, place int, id string, l *launch) *process {
	w.pids++
	w.stats.Workers++
	p := &process{w: w, pid: w.pids, addr: addr, place: place, id: id, launch: l.hash, alive: true}
	p.deafDrain, p.deafSignal = w.fault(4), w.fault(4)
	w.processes = append(w.processes, p)
	took := w.between(5*time.Millisecond, 80*time.Millisecond)
	if w.fault(5) {
		took = w.between(200*time.Millisecond, 1500*time.Millisecond)
	}
	broken := l.trait == traitBroken || w.fault(3)
	p.after(took/2, func() {
		if s.alive() {
			s.hello(p)
		}
	})
	p.after(took, func() {
		switch {
		case broken:
			p.die("exited with status 1")
		case l.trait == traitMute && !s.alive():
			p.die("exited with status 1")
		case l.trait == traitMute:
		case !s.alive():
			p.die("exited with status 1") // its supervisor went away before it was ready
		default:
			p.becomeReady(s, l.trait)
		}
	})
	return p
}

func (p *process) becomeReady(s *supervisor, t trait) {
	p.ready = true
	p.control, p.slot = &link{p: p, sup: s}, &link{p: p, sup: s}
	s.connectSlot(p, p.slot, past{})
	s.ready(p)
	if t == traitFlaky && p.w.chance(60) {
		p.after(p.w.between(time.Millisecond, 400*time.Millisecond), func() { p.die("was killed by SIGSEGV") })
	}
}

// after has the process do something later, if it can by then.
func (p *process) after(d time.Duration, do func()) {
	p.w.after(d, func() {
		if p.alive && !p.frozen {
			do()
		}
	})
}

// die ends the process. Its supervisor hears of it before long: of its connections,
// of its end, or of both.
func (p *process) die(how string) {
	w := p.w
	if !p.alive {
		return
	}
	p.alive = false
	w.stats.Deaths++
	w.processes = slices.DeleteFunc(w.processes, func(o *process) bool { return o == p })
	if w.trace != nil {
		w.note("%s pid %d  %s", p.name(), p.pid, how)
	}
	control, slot := p.control, p.slot
	p.cut(&p.control)
	p.cut(&p.slot)
	if s := w.sup; s != nil {
		if w.chance(50) {
			s.after(w.between(0, time.Millisecond), func() { s.lostControl(p, control) })
		}
		if w.chance(50) {
			s.after(w.between(0, time.Millisecond), func() { s.lostSlot(p, slot) })
		}
		s.after(w.between(0, 2*time.Millisecond), func() { s.exited(p, how) })
	}
}

// cut breaks a connection from the worker's side.
func (p *process) cut(which **link) {
	if l := *which; l != nil {
		l.broken, l.failed = true, p.w.chance(50)
		*which = nil
	}
}

// kill is SIGKILL, which nothing resists.
func (p *process) kill() {
	p.w.after(p.w.between(100*time.Microsecond, 3*time.Millisecond), func() { p.die("was killed by SIGKILL") })
}

// signal is any other signal.
func (p *process) signal() {
	if !p.deafSignal {
		p.after(p.w.between(time.Millisecond, 5*time.Millisecond), func() { p.die("exited with status 0") })
	}
}

// drain tells the process to end when it is free.
func (p *process) drain() {
	if p.drained = true; p.running == nil && !p.memory.unsent {
		p.finish()
	}
}

func (p *process) finish() {
	if !p.deafDrain && !p.finishing {
		p.finishing = true
		p.after(p.w.between(time.Millisecond, 10*time.Millisecond), func() { p.die("exited with status 0") })
	}
}

// receive takes a call from the slot's connection.
func (p *process) receive(l *link, c *call) {
	if p.slot != l {
		return // it came on a connection that is gone
	}
	w := p.w
	if p.running != nil || p.drained {
		w.violate(InvariantOnce, "%s got %s beside %v, drained %t", p.name(), c, p.running, p.drained)
	}
	c.runs++
	p.executed++
	w.stats.Executed++
	if w.chance(4) {
		p.swell()
	}
	if c.runs > 1 && !c.idempotent {
		w.violate(InvariantOnce, "%s is executed for the time %d, now by %s", c, c.runs, p.name())
	}
	p.running = c
	switch {
	case w.fault(2):
		p.after(c.service/2, func() { p.die("was killed by SIGSEGV") })
	case w.fault(2): // it hangs
	default:
		p.after(c.service, func() { p.answer(c, !c.raises) })
	}
}

// cancel asks the handler of a call to stop; most of them do.
func (p *process) cancel(c *call) {
	if p.w.chance(60) {
		p.after(p.w.between(0, 5*time.Millisecond), func() { p.answer(c, false) })
	}
}

// answer ends a call that runs: its answer is kept, and sent where there is a
// connection.
func (p *process) answer(c *call, ok bool) {
	if p.running != c {
		return
	}
	p.running = nil
	p.memory.add(c, ok, p.w.now)
	if p.slot == nil {
		p.reconnectSlot()
		return
	}
	p.memory.unsent = false
	l := p.slot
	l.sup.after(p.w.between(0, 200*time.Microsecond), func() { l.sup.answer(p, l, c, ok) })
	if p.drained {
		p.finish()
	}
}

// orphan is what the end of its supervisor is to a process.
func (p *process) orphan() {
	p.control, p.slot = nil, nil
	p.orphaned = p.w.now
	if !p.ready {
		if !p.frozen {
			p.after(p.w.between(time.Millisecond, 10*time.Millisecond), func() { p.die("exited with status 1") })
		}
		return
	}
	p.expire()
}

// expire ends a process whose control connection does not come back.
func (p *process) expire() {
	since := p.orphaned
	p.after(orphanGrace, func() {
		if p.control == nil && p.orphaned == since {
			p.die("exited with status 0: no supervisor came back")
		}
	})
}

// meet connects a process to a supervisor that has just begun to listen.
func (p *process) meet(s *supervisor) {
	if !p.ready {
		return
	}
	p.after(p.w.between(0, 100*time.Millisecond), func() { p.reconnectControl(s) })
	if p.running == nil {
		p.after(p.w.between(0, 100*time.Millisecond), p.reconnectSlot)
	}
}

func (p *process) reconnectControl(s *supervisor) {
	if !s.alive() || p.control != nil {
		return
	}
	if !s.knows(p) {
		p.die("exited with status 0: the supervisor sent it away")
		return
	}
	p.control = &link{p: p, sup: s}
	s.returned(p)
	if p.running != nil {
		s.executing(p, p.running, p.memory.told(p.w.opts.Forgetful))
	}
}

// reconnectSlot connects the slot, which tells what it remembers and sends the answers
// again that it keeps.
func (p *process) reconnectSlot() {
	s := p.w.sup
	if s == nil || p.slot != nil || p.running != nil {
		return // the next supervisor is met when it listens
	}
	if p.drained && !p.memory.unsent {
		p.finish()
		return
	}
	if !s.knows(p) {
		p.die("exited with status 0: the supervisor sent it away")
		return
	}
	told := p.memory.told(p.w.opts.Forgetful)
	p.slot, p.memory.unsent = &link{p: p, sup: s}, false
	s.connectSlot(p, p.slot, told)
	takes := p.w.between(0, 200*time.Microsecond)
	for _, a := range told.kept {
		s.after(takes, func() { s.ledger.take(a.call, a.ok) })
	}
	if p.drained {
		p.finish()
	}
}

// loseControl breaks the control connection; it comes back after d.
func (p *process) loseControl(d time.Duration) {
	l := p.control
	if l == nil {
		return
	}
	p.cut(&p.control)
	p.orphaned = p.w.now
	p.expire()
	l.sup.after(p.w.between(0, time.Millisecond), func() { l.sup.lostControl(p, l) })
	p.after(d, func() {
		if s := p.w.sup; s != nil {
			p.reconnectControl(s)
		}
	})
}

// loseSlot breaks the slot's connection; an idle worker connects again after d.
func (p *process) loseSlot(d time.Duration) {
	l := p.slot
	if l == nil {
		return
	}
	p.cut(&p.slot)
	l.sup.after(p.w.between(0, time.Millisecond), func() { l.sup.lostSlot(p, l) })
	p.after(d, p.reconnectSlot)
}
