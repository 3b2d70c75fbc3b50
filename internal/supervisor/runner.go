package supervisor

import (
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

// runner is the pool loop: the goroutine that owns one pool's machine and
// workers. Others reach it through its inbox.
type runner struct {
	sup        *Supervisor
	dispatcher *dispatcher
	caretaker  *caretaker
	nursery    *nursery
	inbox      chan message
	done       chan struct{}

	// What follows belongs to the goroutine of run.

	machine  *lifecycle.Machine
	workers  map[string]*workerEntry // by incarnation
	launches map[string]launch       // by launch hash
	target   string                  // the launch hash of the target
	size     int
	limits   pool.Limits // those of the target
	follow   func(lifecycle.Progress, []lifecycle.Tell)
	ending   bool
	vitals   vitals
	deaths   map[int]*pool.Death // the last one of each place
	degraded string              // what its workers are not as they should be in, empty usually
	unsafe   []string            // what its slots write without a common lock, as check = true has found
}

// newRunner starts the pool loop of addr; end stops it.
func (s *Supervisor) newRunner(addr string, spec *pool.Pool) *runner {
	r := &runner{
		sup:     s,
		inbox:   make(chan message, 64), // readers of many connections report here
		done:    make(chan struct{}),
		machine: lifecycle.New(func() string { return randomHex(4) }),
		workers: map[string]*workerEntry{}, launches: map[string]launch{}, deaths: map[int]*pool.Death{},
	}
	r.dispatcher = newDispatcher(addr, policyOf(spec))
	r.dispatcher.events, r.dispatcher.ledger = s.events, s.ledger
	r.dispatcher.hold = s.pauses.holdOf(addr)
	r.nursery = newNursery(r)
	r.caretaker = newCaretaker(r)
	s.loops.Go(r.run)
	s.loops.Go(r.caretaker.run)
	return r
}

// send puts a message into the inbox; after the end of the loop it is dropped.
func (r *runner) send(m message) {
	select {
	case r.inbox <- m:
	case <-r.done:
	}
}

// happened reports an event of a worker's life to the pool loop.
func (r *runner) happened(w *workerEntry, event pool.WorkerEvent) {
	r.send(lived{worker: w, event: event})
}

// read runs fn in the pool loop and waits for it. It reports false when the loop
// has ended.
func (r *runner) read(fn func(*runner)) bool {
	a := ask{read: fn, done: make(chan struct{})}
	r.send(a)
	select {
	case <-a.done:
		return true
	case <-r.done:
		return false
	}
}

// run is the pool loop. It ends when no worker is left after ending was set.
func (r *runner) run() {
	defer close(r.done)
	defer r.nursery.close()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !r.ending || len(r.workers) > 0 {
		if next := r.machine.NextWake(); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
		select {
		case m := <-r.inbox:
			r.take(m)
		case <-r.dispatcher.noted:
			for _, e := range r.dispatcher.takeNotes() {
				r.step(e)
			}
			for _, e := range r.dispatcher.takeUntold() {
				r.log().Info("the breaker turned", "event", e.Type())
				r.sup.events.Publish(e)
			}
		case <-timer.C:
			r.step(lifecycle.Tick{})
		case <-r.sup.detached:
			return
		}
	}
}

func (r *runner) take(m message) {
	switch m := m.(type) {
	case configure:
		r.configure(m)
	case happening:
		switch e := m.event.(type) {
		case lifecycle.Stop:
			r.ending = true
		case lifecycle.Unresponsive:
			r.vitals.reason = e.Reason
		}
		r.step(m.event)
	case lived:
		r.lived(m)
	case adopt:
		r.adopt(m)
	case recall:
		r.recall(m)
	case dumped:
		r.dumped(m)
	case birth:
		if e := r.born(m); e != nil {
			r.step(e)
		}
	case gilOn:
		r.gilOn(m)
	case unsafeWrite:
		r.unsafeWrite(m)
	case retire:
		r.nursery.retire(m.server)
	case attend:
		r.follow = m.follow
		r.tell(nil)
	case ask:
		m.read(r)
		close(m.done)
	}
}

func (r *runner) configure(m configure) {
	r.follow = m.follow
	r.takeUp(m.launch, m.size)
	e := lifecycle.Configure{
		Target: lifecycle.Target{Spec: m.launch.spec, Launch: m.launch.hash, Size: m.size},
		Halt:   m.halt, Repair: m.repair, Promoted: m.promoted, Revert: m.revert,
	}
	if back := m.fallback; back.hash != "" {
		r.launches[back.hash] = back
		e.Fallback = lifecycle.Target{Spec: back.spec, Launch: back.hash, Size: back.spec.Size}
	}
	if m.ready != nil && r.adoptTrial(m.ready, m.launch.revision) {
		e.Ready, e.Place = m.ready.rec.Incarnation, m.ready.rec.Place
	}
	r.step(e)
	r.relimit()
}

// takeUp makes a launch the target of the pool, with its policies.
func (r *runner) takeUp(l launch, size int) {
	r.launches[l.hash] = l
	if r.target != l.hash {
		r.degraded, r.unsafe = "", nil
		if r.target != "" { // at first, the suspicions that recall left are of this code
			r.dispatcher.acquit()
		}
	}
	r.target, r.size, r.limits = l.hash, size, l.spec.Limits
	r.dispatcher.setPolicy(policyOf(&l.spec))
	r.caretaker.take(l.spec)
	for _, w := range r.workers {
		r.watchMemory(w)
	}
	r.nursery.review()
}

// lived feeds the machine, or the preflight that the worker belongs to.
func (r *runner) lived(m lived) {
	w := m.worker
	if r.workers[w.rec.Incarnation] != w {
		return
	}
	e := lifecycle.Happened{Worker: w.rec.Incarnation, Event: m.event}
	var died *pool.Death
	if m.event == pool.WorkerExit {
		died, e = r.bury(w)
	}
	if w.preflight != nil {
		w.preflight.happened(w, m.event, died)
		return
	}
	if m.event == pool.WorkerAnswered {
		r.dispatcher.started(time.Since(w.rec.StartedAt))
	}
	if m.event == pool.WorkerAnswered || m.event == pool.WorkerReturned {
		if w.state != pool.WorkerDraining { // it only tells what it still executes
			r.record(w, pool.WorkerReady)
		}
		r.dispatcher.setCommands(w.commandTable())
		r.watchMemory(w)
	}
	r.step(e)
}

// step feeds the machine with one event and carries out what it answers.
func (r *runner) step(e lifecycle.Event) {
	var tells []lifecycle.Tell
	for pending := []lifecycle.Event{e}; len(pending) > 0; pending = pending[1:] {
		for _, c := range r.machine.Step(time.Now(), pending[0]) {
			if tell, ok := c.(lifecycle.Tell); ok {
				tells = append(tells, tell)
				continue
			}
			if following := r.carryOut(c); following != nil {
				pending = append(pending, following)
			}
		}
	}
	r.tell(tells)
	r.tellVitals()
}

func (r *runner) tell(tells []lifecycle.Tell) {
	if r.follow != nil {
		r.follow(r.machine.Progress(), tells)
	}
}

// carryOut does one command and returns the event that comes of it at once, if
// any.
func (r *runner) carryOut(c lifecycle.Command) lifecycle.Event {
	switch c := c.(type) {
	case lifecycle.Start:
		return r.start(c)
	case lifecycle.Admit:
		w := r.workers[c.Worker]
		r.tellAdmitted(w)
		w.slots.admit()
		r.remember(w)
	case lifecycle.Drain:
		w := r.workers[c.Worker]
		r.vitals.reason = w.incarnation() + " drains"
		w.slots.withdraw()
		r.record(w, pool.WorkerDraining)
	case lifecycle.Signal:
		w := r.workers[c.Worker]
		w.slots.withdraw()
		r.record(w, pool.WorkerStopping)
		r.signal(w, c.Name)
	case lifecycle.Kill:
		w := r.workers[c.Worker]
		w.killed = c.Reason
		r.vitals.reason = c.Reason
		r.log().Warn("killed a worker", "worker", w.incarnation(), "reason", c.Reason)
		r.signal(w, "KILL")
	case lifecycle.AskUse:
		return lifecycle.Used{Worker: c.Worker, At: r.workers[c.Worker].slots.lastUsed()}
	case lifecycle.Dump:
		r.dump(r.workers[c.Worker])
	case lifecycle.Quarantine:
		r.quarantine(c)
	case lifecycle.Recycled:
		r.tellRecycled(c)
	case lifecycle.Revert:
		r.reverting(c)
	case lifecycle.Tell:
	}
	return nil
}

func (r *runner) signal(w *workerEntry, name string) {
	if w.process == nil {
		w.abandon()
		return
	}
	if w.dump.underway {
		w.dump.then = name
		return
	}
	if err := w.process.SignalGroup(worker.SignalByName(name)); err != nil {
		r.log().Debug("cannot signal a worker", "worker", w.incarnation(), "err", err)
	}
}

func (r *runner) quarantine(c lifecycle.Quarantine) {
	var message *string
	if c.Message != "" {
		message = &c.Message
		r.tellQuarantined(c)
		r.log().Error("quarantined a place", "worker", pool.WorkerAddress(r.addr(), c.Place), "reason", c.Message)
	}
	r.sup.keeper.later(func(st store) error { return st.SetQuarantine(r.addr(), c.Place, message) })
}

// record notes a worker's state in the store.
func (r *runner) record(w *workerEntry, state pool.WorkerState) {
	if w.state == state {
		return
	}
	w.state = state
	if w.process == nil {
		return // there is nothing to adopt
	}
	r.remember(w)
}

// remember has the store keep what it knows of a worker. A replacement that is held
// in reserve is not ready there: the next supervisor, which would not know what it is
// for, makes another when it needs one.
func (r *runner) remember(w *workerEntry) {
	rec := w.record()
	rec.State = w.state
	if w.state == pool.WorkerReady && !w.told && !w.adopted {
		rec.State = pool.WorkerInitializing
	}
	r.sup.keeper.putWorker(rec)
}
