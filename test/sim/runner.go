package sim

import (
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/dispatch"
	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// runner is the loop of one pool: it owns the machine, feeds it what happens in
// the order of its inbox, and carries out what it answers.
type runner struct {
	s    *supervisor
	addr string
	m    Machine
	d    *dispatcher

	inbox    []func()
	reading  bool
	workers  crew
	launches map[string]*launch
	follow   func(lifecycle.Progress)
	spec     *pool.Pool
	target   *launch
	size     int
	halt     string
	// ending: the pool is to end; ended is called when it has.
	ending bool
	ended  func()
	over   bool
	// winding: it ends because its supervisor does.
	winding bool

	wakeAt time.Time // when the agenda ticks next, zero for never

	// What follows is the oracle's.

	restarts, floor int
	// armed is when the present policy came into force.
	armed     time.Duration
	second    time.Duration
	wakes     int
	idleWakes int
}

// entry is one worker as its supervisor knows it.
type entry struct {
	r    *runner
	p    *process
	rec  record
	slot *slot
	// answered: it was ready once. linked: its control connection stands.
	answered, linked bool
	// admitted and leaving follow the machine's commands.
	admitted, leaving bool
	// trial takes the events of a worker that is only tried out, nil otherwise.
	trial *trial
	// spent: it has taken its last call. silent: it missed its health checks, and the pool
	// is about to hear of it.
	spent, silent bool
	// since is when this supervisor came to know it.
	since time.Duration
	// gone is called when the process has ended.
	gone func()
}

// crew are the workers of a pool in the order in which they came.
type crew []*entry

func (c crew) find(id string) *entry {
	for _, e := range c {
		if e.rec.id == id {
			return e
		}
	}
	return nil
}

func (e *entry) serves() bool { return e.admitted && !e.leaving && e.linked && !e.spent && !e.silent }

func (s *supervisor) newRunner(spec *pool.Pool) *runner {
	r := &runner{
		s: s, addr: spec.Address(), spec: spec, launches: map[string]*launch{},
	}
	m := lifecycle.New(s.w.newID)
	r.m = m
	if s.w.opts.Wrap != nil {
		r.m = s.w.opts.Wrap(m)
	}
	r.d = &dispatcher{w: s.w, s: s, addr: r.addr, spec: spec, breaker: dispatch.NewBreaker(s.w.breakerPolicy(spec))}
	r.d.tell = func(e lifecycle.Event) { r.send(func() { r.step(e) }) }
	r.d.paused = s.w.disk.pauseOf(r.addr)
	return r
}

// send puts a message into the inbox, which is read one by one.
func (r *runner) send(m func()) {
	if r.over {
		return
	}
	r.inbox = append(r.inbox, m)
	r.read()
}

func (r *runner) read() {
	if r.reading || len(r.inbox) == 0 {
		return
	}
	r.reading = true
	r.s.after(r.s.w.between(0, 200*time.Microsecond), func() {
		r.reading = false
		m := r.inbox[0]
		r.inbox = r.inbox[1:]
		m()
		r.checkEnd()
		r.read()
	})
}

func (r *runner) checkEnd() {
	if !r.ending || r.over || len(r.workers) > 0 {
		return
	}
	r.over = true
	r.s.retire(r)
	if r.ended != nil {
		r.ended()
	}
}

// configuration is what a pool is told to become.
type configuration struct {
	launch *launch
	size   int
	halt   string
	repair bool
	ready  *entry
	follow func(lifecycle.Progress)
}

func (r *runner) configure(c configuration) {
	recount := r.spec.Lifecycle.MaxRequests != c.launch.spec.Lifecycle.MaxRequests
	r.launches[c.launch.hash], r.armed = c.launch, r.s.w.now
	r.target, r.spec, r.halt = c.launch, c.launch.spec, c.halt
	r.d.configure(c.launch.spec)
	r.follow = c.follow
	if recount {
		r.d.recount()
	}
	e := lifecycle.Configure{
		Target: lifecycle.Target{Spec: *c.launch.spec, Launch: c.launch.hash, Size: c.size}, Halt: c.halt, Repair: c.repair,
	}
	if w := c.ready; w != nil && r.workers.find(w.rec.id) == w {
		if w.linked {
			w.trial = nil
			r.record(w, pool.WorkerReady)
			e.Ready, e.Place = w.rec.id, w.rec.place
		} else {
			w.p.kill() // it passed, and its connection broke since
		}
	}
	r.resized(c.size)
	r.step(e)
}

func (r *runner) resized(size int) {
	r.size = size
	r.lower()
}

// stop ends the pool; ended is called when its last worker has gone.
func (r *runner) stop(ended func()) {
	r.ending, r.ended = true, ended
	r.step(lifecycle.Stop{})
}

// lived takes an event in the life of one worker.
func (r *runner) lived(e *entry, event pool.WorkerEvent, reason string) {
	if r.workers.find(e.rec.id) != e {
		return
	}
	happened := lifecycle.Happened{Worker: e.rec.id, Event: event, Reason: reason}
	switch event {
	case pool.WorkerExit:
		happened.DuringCall = e.slot.executes()
		r.bury(e)
	case pool.WorkerAnswered, pool.WorkerReturned:
		e.answered, e.linked = true, true
	case pool.WorkerLost:
		e.linked = false
	default:
	}
	if e.trial != nil {
		e.trial.happened(event)
		return
	}
	if event == pool.WorkerAnswered || event == pool.WorkerReturned {
		r.record(e, pool.WorkerReady)
	}
	r.step(happened)
}

func (r *runner) bury(e *entry) {
	e.slot.remove()
	r.s.ledger.gone(e.slot)
	r.workers = slices.DeleteFunc(r.workers, func(o *entry) bool { return o == e })
	delete(r.s.directory, e.rec.id)
	if e.trial == nil {
		r.s.keeper.deleteWorker(e.rec.id)
	}
	if e.gone != nil {
		e.gone()
	}
}

// step feeds the machine and carries out what it answers, with what comes of that
// at once.
func (r *runner) step(e lifecycle.Event) {
	w := r.s.w
	for pending := []lifecycle.Event{e}; len(pending) > 0 && w.broken == nil; pending = pending[1:] {
		e := pending[0]
		r.noteSpent(e)
		before, kept := r.serving(everyPlace), r.serving(r.size)
		died := r.noteDeath(e)
		if w.trace != nil {
			w.note("%s  <- %s", r.addr, describeEvent(e))
		}
		commands := r.m.Step(w.time(), e)
		w.stats.Steps++
		for _, c := range commands {
			if following := r.carryOut(c); following != nil {
				pending = append(pending, following)
			}
		}
		if _, fault := e.(lifecycle.Stuck); !fault {
			r.checkStep(before, kept)
		}
		if died {
			r.restarts++
		}
	}
	if r.follow != nil {
		r.follow(r.m.Progress())
	}
	r.setAlarm()
}

// noteSpent takes a worker that has taken its last call out of the capacity, before the
// machine hears of it: that is not the doing of what it commands.
func (r *runner) noteSpent(e lifecycle.Event) {
	told, ok := e.(lifecycle.Spent)
	if !ok {
		return
	}
	if w := r.workers.find(told.Worker); w != nil {
		w.spent = true
		r.lower()
	}
}

// noteDeath reports whether the event is the end of a worker that holds a place, or
// will be: an unresponsive one counts at once.
func (r *runner) noteDeath(e lifecycle.Event) bool {
	id := ""
	switch e := e.(type) {
	case lifecycle.Unresponsive:
		id = e.Worker
	case lifecycle.Happened:
		if e.Event == pool.WorkerExit {
			id = e.Worker
		}
	}
	if id == "" {
		return false
	}
	_, silent := e.(lifecycle.Unresponsive)
	for _, p := range r.m.View().Places {
		for _, w := range []lifecycle.WorkerView{p.Serving, p.Next} {
			if w.ID == id {
				return !silent || w.State == pool.WorkerReady
			}
		}
	}
	return false
}

// setAlarm has the machine woken when it wants to be.
func (r *runner) setAlarm() {
	next := r.m.NextWake()
	if next.Equal(r.wakeAt) {
		return
	}
	r.wakeAt = next
	if next.IsZero() {
		return
	}
	w := r.s.w
	r.s.after(next.Sub(w.time()), func() {
		if r.over || !r.wakeAt.Equal(next) {
			return
		}
		r.wakeAt = time.Time{}
		before := w.stats.Commands
		r.countWake()
		r.step(lifecycle.Tick{})
		if r.idleWakes++; w.stats.Commands > before {
			r.idleWakes = 0
		}
		r.checkEnd()
	})
}

// countWake bounds the wakes of one second, and those in a row that led to nothing.
func (r *runner) countWake() {
	w := r.s.w
	if w.now-r.second >= time.Second {
		r.second, r.wakes = w.now, 0
	}
	if r.wakes++; r.wakes > 200 || r.idleWakes > 50 {
		w.violate(InvariantSpin, "%s woke %d times in a second, %d in a row for nothing", r.addr, r.wakes, r.idleWakes)
	}
}

// record notes a worker's state on the disk before long.
func (r *runner) record(e *entry, state pool.WorkerState) {
	if e.rec.state != state {
		e.rec.state = state
		r.s.keeper.putWorker(e.rec)
	}
}
