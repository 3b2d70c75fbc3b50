package sim

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// supervisor is one run of the supervisor, from its boot to its crash.
type supervisor struct {
	w         *world
	desired   *pool.Desired
	revision  uint64
	overrides map[string]pool.Override
	runners   map[string]*runner
	routes    map[string]*dispatcher
	directory map[string]*entry // by incarnation
	keeper    *keeper
	op        *operation // the one that goes on, nil for none
	ledger    *ledger
	closing   bool // it was told to end
}

func (w *world) newID() string {
	w.pids++
	return fmt.Sprintf("w%d", w.pids)
}

func (s *supervisor) alive() bool { return s.w.sup == s }

// after has the supervisor do something later, if it lives then.
func (s *supervisor) after(d time.Duration, do func()) {
	s.w.after(d, func() {
		if s.alive() {
			do()
		}
	})
}

// boot starts a supervisor: it takes over what the disk remembers, and the workers
// that live connect again.
func (w *world) boot() {
	s := &supervisor{
		w: w, desired: w.disk.desired, revision: w.disk.revision, overrides: maps.Clone(w.disk.overrides),
		runners: map[string]*runner{}, routes: map[string]*dispatcher{}, directory: map[string]*entry{},
	}
	s.keeper = &keeper{s: s, put: map[string]record{}, del: map[string]bool{}}
	s.ledger = w.newLedger()
	if w.disk.unrecorded {
		w.disk.unrecorded, w.disk.forgotten = false, w.now
	}
	s.ledger.forgets(w.disk.forgotten)
	w.sup = s
	w.note("supervisor starts at revision %d (%s)", s.revision, w.disk.status)
	for _, rec := range w.disk.sortedWorkers() {
		s.bootWorker(rec)
	}
	s.keeper.later(s.forgetUnaccepted)
	if s.desired != nil {
		s.bootPools()
	}
	for _, p := range slices.Clone(w.processes) {
		p.meet(s)
	}
	w.pursue(s)
}

// bootWorker adopts one recorded worker, if it is alive and wanted.
func (s *supervisor) bootWorker(rec record) {
	i := slices.IndexFunc(s.w.processes, func(p *process) bool { return p.pid == rec.pid })
	if i < 0 {
		s.ledger.forgets(s.w.now)
		s.keeper.deleteWorker(rec.id)
		return
	}
	p := s.w.processes[i]
	spec := s.desired.Pool(rec.addr)
	if spec == nil || rec.state != pool.WorkerReady {
		s.ledger.forgets(s.w.now)
		p.kill()
		s.keeper.deleteWorker(rec.id)
		return
	}
	s.w.stats.Adoptions++
	r := s.runnerFor(spec)
	e := &entry{r: r, p: p, rec: rec, answered: true, slot: r.d.addSlot(p), since: s.w.now}
	s.directory[rec.id] = e
	r.workers = append(r.workers, e)
	e.slot.awaitLink(spec.Timeouts.Call.D())
	s.ledger.expect(e.slot)
	r.launches[rec.launch.hash] = rec.launch
	r.send(func() {
		if r.workers.find(rec.id) == e {
			r.step(lifecycle.Adopt{Worker: rec.id, Place: rec.place, Launch: rec.launch.hash})
		}
	})
}

// forgetUnaccepted drops what is recorded of pools that nobody accepts any more: of
// a destruction that a former supervisor did not come to.
func (s *supervisor) forgetUnaccepted(d *disk) {
	maps.DeleteFunc(d.overrides, func(addr string, _ pool.Override) bool { return d.desired.Pool(addr) == nil })
	maps.DeleteFunc(d.paused, func(key placeKey, _ bool) bool { return d.desired.Pool(key.addr) == nil })
	maps.DeleteFunc(d.quarantined, func(key placeKey, _ string) bool { return d.desired.Pool(key.addr) == nil })
}

// bootPools brings every pool to the accepted spec; an apply that did not end goes
// on.
func (s *supervisor) bootPools() {
	halt := ""
	if st := s.w.disk.status; st == pool.RevisionFailed || st == pool.RevisionPartial {
		halt = fmt.Sprintf("revision %d is %s", s.revision, st)
	}
	for i := range s.desired.Pools {
		spec := &s.desired.Pools[i]
		r := s.runnerFor(spec)
		for place := range everyPlace {
			if text := s.w.disk.quarantined[placeKey{r.addr, place}]; text != "" {
				r.send(func() { r.step(lifecycle.Restore{Place: place, Message: text}) })
			}
		}
		c := configuration{launch: s.launchOf(spec), size: s.sizeOf(spec), halt: halt}
		r.send(func() { r.configure(c) })
	}
	s.publish()
	for _, id := range slices.Sorted(maps.Keys(s.w.disk.pending)) {
		if s.w.disk.pending[id] == s.revision && s.op == nil {
			s.resume(id)
		}
	}
}

// crash ends the supervisor as kill -9 does.
func (w *world) crash() {
	s := w.sup
	w.stats.Crashes++
	w.note("supervisor is killed")
	s.keeper.crash()
	w.sup = nil
	for _, addr := range slices.Sorted(maps.Keys(s.runners)) {
		s.runners[addr].d.checkCounters()
		s.runners[addr].d.sever()
	}
	for _, c := range s.ledger.open() {
		w.detach(c, false)
	}
	for _, p := range slices.Clone(w.processes) {
		p.orphan()
	}
}

func (s *supervisor) launchOf(spec *pool.Pool) *launch {
	return &launch{hash: launchHash(spec), trait: traitOf(spec), spec: spec}
}

func (s *supervisor) sizeOf(spec *pool.Pool) int {
	if o, ok := s.overrides[spec.Address()]; ok {
		return o.Size
	}
	return spec.Size
}

func (s *supervisor) runnerFor(spec *pool.Pool) *runner {
	addr := spec.Address()
	if s.runners[addr] == nil {
		s.runners[addr] = s.newRunner(spec)
	}
	return s.runners[addr]
}

// retire forgets a pool loop that has ended.
func (s *supervisor) retire(r *runner) {
	r.d.checkCounters()
	if s.runners[r.addr] == r {
		delete(s.runners, r.addr)
	}
}

// publish makes the pools of the accepted spec reachable for callers.
func (s *supervisor) publish() {
	s.routes = map[string]*dispatcher{}
	for addr, r := range s.runners {
		if s.desired.Pool(addr) != nil {
			s.routes[addr] = r.d
		}
	}
}

// observe returns what a planner compares a configuration with.
func (s *supervisor) observe() pool.Observed {
	out := pool.Observed{
		Lineage: "simulated", Revision: s.revision, Accepted: s.desired, WorkersObserved: true,
		Pools: map[string]pool.ObservedPool{},
	}
	for addr, r := range s.runners {
		view := r.m.View()
		spec := s.desired.Pool(addr)
		if spec == nil && len(view.Places) == 0 {
			continue // it is only being tried out
		}
		o := pool.ObservedPool{Size: view.Size, Places: view.Observed()}
		if set, ok := s.overrides[addr]; ok {
			o.Override = &set
		}
		if spec != nil && r.target != nil && !reflect.DeepEqual(spec, r.spec) {
			o.InForce = &pool.Configured{Spec: *r.spec, Runtime: runtimes[r.spec.Runtime]}
		}
		out.Pools[addr] = o
	}
	return out
}

func (s *supervisor) plan(desired pool.Desired) planner.Plan {
	return planner.Decide(desired, s.observe(), planner.Options{})
}

// What follows is told by processes. Each of them may be unknown here.

func (s *supervisor) knows(p *process) bool { return s.directory[p.id] != nil }

// tell reports an event of a worker's life to its pool.
func (s *supervisor) tell(p *process, event pool.WorkerEvent, reason string) {
	if e := s.directory[p.id]; e != nil {
		e.r.send(func() { e.r.lived(e, event, reason) })
	}
}

func (s *supervisor) hello(p *process) { s.tell(p, pool.WorkerHello, "") }
func (s *supervisor) ready(p *process) { s.tell(p, pool.WorkerAnswered, "") }

func (s *supervisor) exited(p *process, how string) { s.tell(p, pool.WorkerExit, how) }

// returned takes a control connection of a worker that was ready before.
func (s *supervisor) returned(p *process) { s.tell(p, pool.WorkerReturned, "") }

func (s *supervisor) lostControl(p *process, l *link) {
	if l != nil && p.control == nil {
		s.tell(p, pool.WorkerLost, "")
	}
}

func (s *supervisor) lostSlot(p *process, l *link) {
	if e := s.directory[p.id]; e != nil && l != nil {
		e.slot.disconnected(l)
	}
}

func (s *supervisor) connectSlot(p *process, l *link, told past) {
	if e := s.directory[p.id]; e != nil {
		e.slot.resume(p.executed)
		e.slot.connect(l, told)
	}
}

// executing takes up what a control connection tells of the call that runs.
func (s *supervisor) executing(p *process, c *call, told past) {
	if e := s.directory[p.id]; e != nil {
		s.ledger.executing(e.slot, c, told)
	}
}

func (s *supervisor) answer(p *process, l *link, c *call, ok bool) {
	if e := s.directory[p.id]; e != nil {
		e.slot.answer(l, c, ok)
	}
}
