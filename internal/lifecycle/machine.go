package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

const (
	// killAfter is how long a signalled worker has before it is killed.
	killAfter = 500 * time.Millisecond
	// returnWithin is how long a worker whose connections broke may take to
	// connect again while its process lives.
	returnWithin = 5 * time.Second
	// poisonWait bounds the wait after a death during a call.
	poisonWait = time.Second
)

// Machine is one pool. Its zero value is not useful: see New. It is not safe for
// concurrent use: one goroutine owns it.
type Machine struct {
	newID  func() string
	target Target
	// configured: there is a target. Before, the machine only takes note.
	configured bool
	// stopping is the end of the pool: no place is filled again.
	stopping bool
	rollout  rollout
	// failure is why the operation that set the target did not reach it.
	failure string

	places  []*place
	workers map[string]*worker
	// restarts counts replacements of workers that died.
	restarts int
	// recycles counts workers that were replaced though nothing was wrong with them.
	recycles int
	// armed is when the lifecycle policy came into force.
	armed time.Time

	// stepped is the time of the last Step.
	stepped time.Time
	out     []Command
}

// place is a numbered position that a worker fills.
type place struct {
	index int
	// launch is the launch hash that the place holds: the last one that was healthy
	// there, or the first one that was started. A halted roll comes back to it.
	launch string
	// proved is another launch hash that was healthy there and took its last call before
	// it could take over.
	proved string
	// serving fills the place; next is to take over from it.
	serving, next *worker
	// recycle asks for a replacement with the same launch hash.
	recycle     bool
	failures    []Failure
	notBefore   time.Time
	quarantined string
	// lastDeath says how the last worker of this place died.
	lastDeath string
}

// worker is one process, from its Start to its exit.
type worker struct {
	id     string
	place  int
	launch string
	state  pool.WorkerState
	// since is when state was entered, started when the process was asked for and
	// ready when it first was.
	since, started, ready time.Time
	// healthy is set when it was ready for min_healthy_time.
	healthy bool
	killed  bool
	// admitted: it may take calls. A ready replacement that is not is a reserve.
	admitted bool

	// due is why it is to be replaced, empty while it is not; since when says dueSince.
	due      string
	dueSince time.Time
	// nearing: it will soon have taken its last call; spent: it has.
	nearing, spent bool
	nearSince      time.Time
	// used is when it last had a call, as far as the edge was asked; asked: its answer
	// is still to come.
	used  time.Time
	asked bool
	// recycled: it left because a replacement of the same launch hash took over.
	recycled bool
	// impaired: it is due because something is wrong with it; slotLost: a slot of it
	// does not end its call.
	impaired, slotLost bool
}

// New returns a machine with no place. newID makes the incarnation of each
// worker and must never repeat itself.
func New(newID func() string) *Machine {
	return &Machine{newID: newID, workers: map[string]*worker{}}
}

// Step takes one event and returns what is to be done about it, in order. The
// slice is the caller's.
func (m *Machine) Step(now time.Time, e Event) []Command {
	m.out, m.stepped = nil, now
	switch e := e.(type) {
	case Configure:
		m.configure(now, e)
	case Adopt:
		m.adopt(now, e)
	case Restore:
		m.place(e.Place).quarantined = e.Message
	case Recall:
		m.recall(e.Past)
	case Happened:
		m.happened(now, e)
	case Stuck:
		m.dump(m.workers[e.Worker])
		m.kill(now, m.workers[e.Worker], "its call went on past its deadline and stop_grace")
	case Impaired:
		m.impaired(now, e)
	case Recycle:
		m.recycle(e.Place)
	case Pause:
		m.pause(now, e.Reason)
	case Steer:
		m.steer(now, e)
	case Resize:
		m.target.Size = e.Size
	case Nearing:
		m.nearing(now, m.workers[e.Worker])
	case Spent:
		if w := m.workers[e.Worker]; w != nil {
			w.spent = true
		}
	case OverMemory:
		m.overMemory(now, e)
	case Used:
		m.used(now, e)
	case Unresponsive:
		m.unresponsive(now, e)
	case Stop:
		m.stopping = true
		if e.Kill {
			m.killAll(now)
		}
	case Tick:
	}
	if m.configured || m.stopping {
		m.reconcile(now)
	}
	return m.out
}

func (m *Machine) configure(now time.Time, e Configure) {
	// Somebody wants the places filled anew: to repair them, with something else, or
	// with what a roll was halted over, once more.
	if e.Repair || m.configured && (e.Target.Launch != m.target.Launch || m.held() && e.Halt == "") {
		m.forgive()
	}
	m.rearm(now, m.target.Spec.Lifecycle, e.Target.Spec.Lifecycle)
	m.target, m.configured = e.Target, true
	m.failure = ""
	m.begin(now, e)
	if e.Ready != "" {
		m.takeTrial(now, e)
	}
}

// takeTrial makes the preflight's worker the replacement of its place, or ends it
// where the place holds a good one already.
func (m *Machine) takeTrial(now time.Time, e Configure) {
	w := &worker{id: e.Ready, place: e.Place, launch: e.Target.Launch, state: pool.WorkerReady, since: now, started: now, ready: now}
	m.workers[w.id] = w
	p := m.place(e.Place)
	if p.serving != nil && p.serving.state == pool.WorkerReady && p.serving.launch == w.launch {
		m.drain(now, w)
		return
	}
	m.drain(now, p.next)
	p.next = w
	p.quarantine(m, "")
	m.admit(p, w)
	m.tell(pool.EventWorkerReady, w, "")
}

func (m *Machine) adopt(now time.Time, e Adopt) {
	// It was ready under the former supervisor, or draining: none else is adopted.
	w := &worker{id: e.Worker, place: e.Place, launch: e.Launch, state: pool.WorkerAdopting, since: now, started: e.Started, ready: now}
	if w.started.IsZero() {
		w.started = now
	}
	m.workers[w.id] = w
	if e.Leaving {
		w.state = pool.WorkerReady // it was, and finishes what it has
		m.drain(now, w)
		return
	}
	p := m.place(e.Place)
	switch {
	case p.serving == nil:
		p.serving, p.launch = w, w.launch
	case p.next == nil:
		p.next = w
	default:
		m.drain(now, w)
	}
}

// happened feeds one worker's own life cycle and does what its new state asks for.
func (m *Machine) happened(now time.Time, e Happened) {
	w := m.workers[e.Worker]
	if w == nil {
		return
	}
	before := w.state
	if before == pool.WorkerDraining && e.Event == pool.WorkerLost {
		return // it closes its connections on its way out; stop_grace goes on
	}
	state, err := before.Next(e.Event)
	if err != nil {
		// A mistake of the edge. The worker is replaced: nothing else is known of it.
		m.kill(now, w, err.Error())
		return
	}
	if state != before {
		w.state, w.since = state, now
	}
	switch state {
	case pool.WorkerExited:
		m.exited(now, w, e)
	case pool.WorkerReady:
		if before != pool.WorkerReady {
			m.becameReady(now, w)
		}
	default:
	}
}

func (m *Machine) becameReady(now time.Time, w *worker) {
	if w.ready.IsZero() {
		w.ready = now
	}
	p := m.placeOf(w)
	if p == nil { // shrunk away while it started
		m.drain(now, w)
		return
	}
	p.quarantine(m, "")
	m.admit(p, w)
	m.tell(pool.EventWorkerReady, w, "")
}

// placeOf returns the place that w serves or is to serve, nil when it is leaving.
func (m *Machine) placeOf(w *worker) *place {
	for _, p := range m.places {
		if p.serving == w || p.next == w {
			return p
		}
	}
	return nil
}

// place returns the place with that index, adding the ones up to it.
func (m *Machine) place(index int) *place {
	for len(m.places) <= index {
		m.places = append(m.places, &place{index: len(m.places)})
	}
	return m.places[index]
}

func (m *Machine) recycle(index int) {
	if m.failure = ""; m.held() {
		m.failure = m.rollout.reason
	}
	for _, p := range m.places {
		if index == -1 || p.index == index {
			p.recycle = p.serving != nil
		}
	}
}

// pause lets what is under way end and replaces nothing more.
func (m *Machine) pause(now time.Time, reason string) {
	if m.rollout.phase.Forward() || m.rollout.phase == pool.RolloutReverting {
		m.hold(now, reason)
	}
	m.failure = orElse(m.failure, reason)
	for _, p := range m.places {
		p.recycle = p.recycle && p.next != nil
	}
}

// forgive forgets what failed in the past and has every place filled again.
func (m *Machine) forgive() {
	for _, p := range m.places {
		p.failures, p.notBefore = nil, time.Time{}
		p.quarantine(m, "")
	}
}

// quarantine sets or lifts the quarantine of a place and has it recorded.
func (p *place) quarantine(m *Machine, message string) {
	if p.quarantined != message {
		p.quarantined = message
		m.emit(Quarantine{Place: p.index, Message: message})
	}
}

func (m *Machine) start(now time.Time, p *place, launch string) *worker {
	w := &worker{id: m.newID(), place: p.index, launch: launch, state: pool.WorkerStarting, since: now, started: now}
	if m.workers[w.id] != nil {
		panic(fmt.Sprintf("internal error: incarnation %s was given out twice", w.id))
	}
	m.workers[w.id] = w
	m.emit(Start{Worker: w.id, Place: p.index, Launch: launch})
	m.tell(pool.EventWorkerStarting, w, "")
	return w
}

// drain lets w finish what it has and exit. One that never was ready is stopped.
func (m *Machine) drain(now time.Time, w *worker) {
	if w == nil || w.state == pool.WorkerDraining || w.state == pool.WorkerStopping {
		return
	}
	if w.state == pool.WorkerReady {
		w.state, w.since = pool.WorkerDraining, now
		m.emit(Drain{Worker: w.id})
		m.tell(pool.EventWorkerDraining, w, "")
		return
	}
	m.signal(now, w)
}

func (m *Machine) signal(now time.Time, w *worker) {
	w.state, w.since = pool.WorkerStopping, now
	m.emit(Signal{Worker: w.id, Name: m.target.Spec.StopSignal})
}

// dump has the stacks of a worker taken that is about to be ended for what it does.
func (m *Machine) dump(w *worker) {
	if w != nil && !w.killed {
		m.emit(Dump{Worker: w.id})
	}
}

func (m *Machine) kill(now time.Time, w *worker, reason string) {
	if w == nil || w.killed {
		return
	}
	w.state, w.since, w.killed = pool.WorkerStopping, now, true
	m.emit(Kill{Worker: w.id, Reason: reason})
}

// killAll kills every worker.
func (m *Machine) killAll(now time.Time) {
	for _, w := range m.sortedWorkers() {
		m.kill(now, w, "its supervisor was told to end at once")
	}
}

func (m *Machine) emit(c Command) { m.out = append(m.out, c) }

func (m *Machine) tell(kind string, w *worker, text string) {
	m.emit(Tell{Type: kind, Worker: w.id, Place: w.place, Text: text})
}

// sortedWorkers returns the workers in a fixed order, so that equal histories
// give equal commands.
func (m *Machine) sortedWorkers() []*worker {
	out := make([]*worker, 0, len(m.workers))
	for _, w := range m.workers {
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b *worker) int {
		if a.place != b.place {
			return a.place - b.place
		}
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return out
}
