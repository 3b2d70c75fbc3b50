package supervisor

import (
	"cmp"
	"fmt"
	"reflect"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

// Status returns what runs now: all pools, or the one at addr when it is not
// empty.
func (s *Supervisor) Status(addr string) pool.Status {
	_, revision := s.table.accepted()
	out := pool.Status{
		Supervisor: pool.SupervisorStatus{
			PID: s.PID(), Version: s.cfg.Version, StartedAt: s.startedAt, Instance: s.cfg.Instance, Lineage: s.lineage, Notice: s.notice,
			Replaced: s.replaced(),
		},
		Revision: revision, Pools: []pool.PoolStatus{},
	}
	out.Pools = append(out.Pools, s.pools(addr)...)
	for i := range out.Pools {
		s.complete(&out.Pools[i])
	}
	return out
}

// pools returns the pools, or the one at addr, without what complete adds.
func (s *Supervisor) pools(addr string) []pool.PoolStatus {
	var out []pool.PoolStatus
	for _, r := range s.table.all() {
		if addr != "" && r.addr() != addr {
			continue
		}
		var st pool.PoolStatus
		if r.read(func(r *runner) { st = r.status() }) {
			out = append(out, st)
		}
	}
	return out
}

// complete adds what is not the pool loop's: it is read outside of it, so that a
// look at /proc holds nobody up.
func (s *Supervisor) complete(st *pool.PoolStatus) {
	if desired, _ := s.table.accepted(); desired != nil {
		fallback := desired.DefaultPool()
		st.Default = fallback != nil && fallback.Address() == st.Address
	}
	for i := range st.Workers {
		if pid := st.Workers[i].PID; pid > 0 {
			st.Workers[i].RSSBytes = worker.RSS(pid)
		}
	}
}

// status describes the pool. It runs in the pool loop.
func (r *runner) status() pool.PoolStatus {
	view, now := r.machine.View(), r.dispatcher.load()
	st := pool.PoolStatus{
		Address: r.addr(), Profile: cmp.Or(r.launches[r.target].spec.Profile, pool.ProfileProcess), Size: view.Size, Slots: now.slots, Busy: now.busy, Available: now.available,
		Queued: now.waiting, Calls: now.counts, Restarts: view.Restarts, Recycles: view.Recycles, Message: view.Halt,
		Workers: []pool.WorkerStatus{},
	}
	st.Python, st.GIL = r.python()
	st.ForkServer, st.Spawned = r.nursery.pid(r.target), r.nursery.refused[r.target]
	paused := r.dispatcher.paused()
	st.Paused, st.Breaker = paused.pool, now.breaker
	for _, p := range view.Places {
		place := r.placeStatus(p)
		place.LastDeath = r.deaths[p.Index]
		st.Workers = append(st.Workers, place)
		if p.Next.ID != "" {
			st.Workers = append(st.Workers, r.workerStatus(p.Next))
		}
	}
	for _, w := range view.Leaving {
		st.Workers = append(st.Workers, r.workerStatus(w))
	}
	for i, w := range st.Workers {
		if ref, err := pool.ParseWorkerRef(w.Address); err == nil {
			if pause, ok := paused.places[ref.Place]; ok {
				st.Workers[i].Paused = &pause
			}
		}
		if w.State == pool.WorkerReady || w.State == pool.WorkerBusy {
			st.Ready++
		}
		if st.Message == "" && w.State == pool.WorkerQuarantined {
			st.Message = w.Message
		}
	}
	if st.Message == "" {
		st.Message = r.dispatcher.poison()
	}
	if st.Message == "" {
		st.Message = cmp.Or(r.degraded, r.unsafeText())
	}
	return st
}

// python tells the version that workers of the target run, and whether their GIL is on:
// the GIL of a pool is on when that of one of its workers is.
func (r *runner) python() (version, gil string) {
	l, known := r.launches[r.target]
	if !known || l.runtime.Version == "" {
		return "", ""
	}
	on := !l.runtime.FreeThreaded
	for _, w := range r.workers {
		if w.rec.LaunchHash == r.target {
			on = on || w.gilIsOn()
		}
	}
	if on {
		return l.runtime.Python(), pool.GILOn
	}
	return l.runtime.Python(), pool.GILOff
}

func (w *workerEntry) gilIsOn() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gil != nil && *w.gil
}

func (r *runner) placeStatus(p lifecycle.PlaceView) pool.WorkerStatus {
	if p.Serving.ID != "" {
		return r.workerStatus(p.Serving)
	}
	st := pool.WorkerStatus{Address: pool.WorkerAddress(r.addr(), p.Index), State: pool.WorkerExited, Slots: 0, LaunchHash: p.Launch}
	switch wait := time.Until(p.NotBefore); {
	case p.Quarantined != "":
		st.State, st.Message = pool.WorkerQuarantined, p.Quarantined
	case wait > 0:
		st.Message = fmt.Sprintf("%s; starts again in %s", p.LastDeath, pool.Duration(wait.Round(100*time.Millisecond)))
	default:
		st.Message = p.LastDeath
	}
	return st
}

func (r *runner) workerStatus(v lifecycle.WorkerView) pool.WorkerStatus {
	st := pool.WorkerStatus{
		Address: pool.WorkerAddress(r.addr(), v.Place), Incarnation: v.ID, State: v.State, LaunchHash: v.Launch,
	}
	w := r.workers[v.ID]
	if w == nil {
		return st
	}
	started := w.rec.StartedAt
	st.Start = w.rec.Start
	work := w.slots.work()
	st.PID, st.StartedAt, st.Calls = w.rec.PID, &started, work.finished
	st.Slots, st.Busy = len(w.slots.all), work.busy
	if st.State == pool.WorkerReady && work.busy > 0 {
		st.State = pool.WorkerBusy
	}
	st.Progress = work.progress
	age := work.oldest
	st.OldestCallMS = age.Milliseconds()
	if st.Unresponsive = w.unresponsive(); st.Unresponsive {
		st.Message = "unresponsive"
		if age > 0 {
			st.Message += fmt.Sprintf("; its call runs for %s", pool.Duration(age.Round(100*time.Millisecond)))
		}
	}
	return st
}

// Observe returns what a planner compares a configuration with.
func (s *Supervisor) Observe() pool.Observed {
	desired, revision := s.table.accepted()
	out := pool.Observed{
		Lineage: s.lineage, Revision: revision, Accepted: desired, WorkersObserved: true, Pools: map[string]pool.ObservedPool{},
		Confinement: s.limiter.confinement, Environments: s.environments.store.Keys(), Machine: s.machine,
	}
	for _, r := range s.table.all() {
		var view lifecycle.View
		var in launch
		if !r.read(func(r *runner) { view, in = r.machine.View(), r.launches[r.target] }) {
			continue
		}
		spec := desired.Pool(r.addr())
		if spec == nil && len(view.Places) == 0 {
			continue // it is only being tried out; one with places was to be destroyed
		}
		observed := pool.ObservedPool{Size: view.Size, Override: s.table.overrideOf(r.addr()), Places: view.Observed()}
		if spec != nil && in.hash != "" && !reflect.DeepEqual(*spec, in.spec) {
			observed.InForce = &pool.Configured{Spec: in.spec, Runtime: in.runtime}
		}
		out.Pools[r.addr()] = observed
	}
	return out
}

// Commands returns the commands of a pool as its workers described them.
func (s *Supervisor) Commands(name string) ([]pool.CommandInfo, error) {
	r, err := s.find(name)
	if err != nil {
		return nil, err
	}
	commands := []pool.CommandInfo{}
	r.read(func(r *runner) {
		for _, w := range r.workers {
			w.mu.Lock()
			if len(w.commands) > len(commands) {
				commands = w.commands
			}
			w.mu.Unlock()
		}
	})
	return commands, nil
}

// find returns the pool loop that a caller's name means.
func (s *Supervisor) find(name string) (*runner, error) {
	if name == "-" {
		name = ""
	}
	d, refusal := s.routes.find([]byte(name))
	if refusal != nil {
		return nil, refusal
	}
	if r := s.table.runner(d.addr(), nil); r != nil {
		return r, nil
	}
	return nil, errStopping
}
