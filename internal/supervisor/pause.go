package supervisor

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
)

// pauses holds who paused what, by the address of a pool or of a place. It is safe
// for concurrent use.
type pauses struct {
	// changing is held for a whole change, so that dispatchers hear of changes in their
	// order.
	changing sync.Mutex

	// mu guards what follows. It is a leaf.
	mu        sync.Mutex
	byAddress map[string]pool.Pause
}

func (p *pauses) set(addr string, pause *pool.Pause) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pause == nil {
		delete(p.byAddress, addr)
		return
	}
	p.byAddress[addr] = *pause
}

func (p *pauses) of(addr string) (pool.Pause, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pause, ok := p.byAddress[addr]
	return pause, ok
}

// pools returns the addresses of the pools of which something is paused.
func (p *pauses) pools() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for paused := range p.byAddress {
		if ref, err := pool.ParseWorkerRef(paused); err == nil && !slices.Contains(out, ref.Pool) {
			out = append(out, ref.Pool)
		}
	}
	return out
}

// hold is what is paused of one pool: all of it, or places.
type hold struct {
	pool   *pool.Pause
	places map[int]pool.Pause
}

// holdOf returns what is paused of the pool at addr.
func (p *pauses) holdOf(addr string) hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := hold{places: map[int]pool.Pause{}}
	for paused, pause := range p.byAddress {
		ref, err := pool.ParseWorkerRef(paused)
		switch {
		case err != nil || ref.Pool != addr:
		case ref.Place < 0:
			h.pool = &pause
		default:
			h.places[ref.Place] = pause
		}
	}
	return h
}

// setHold takes up what is paused. Calls that execute are finished; those that wait
// go on waiting, as long as queue.timeout lets them.
func (d *dispatcher) setHold(h hold) {
	var work errands
	d.mu.Lock()
	d.hold = h
	for s := range d.workers {
		for _, each := range s.all {
			if each.idle && d.held(each) {
				each.leaveIdle()
			}
		}
		work = append(work, d.employ(s.all)...)
	}
	d.mu.Unlock()
	work.send()
}

// held reports whether a slot gets no new calls for now. mu is held.
func (d *dispatcher) held(s *slot) bool {
	_, paused := d.hold.places[s.worker.rec.Place]
	return paused || d.hold.pool != nil
}

// paused returns the pause of the pool, and those of its places.
func (d *dispatcher) paused() hold {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hold
}

// Pause stops giving new calls to a pool, or to the worker of one of its places when
// place is not negative. Calls that come wait in the queue. It returns the address of
// what is paused. What is paused already is an error.
func (s *Supervisor) Pause(name string, place int, by string) (string, error) {
	return s.setPause(name, place, by, &pool.Pause{By: by, At: time.Now().UTC()})
}

// Resume ends a pause. What was not paused is an error.
func (s *Supervisor) Resume(name string, place int, by string) (string, error) {
	return s.setPause(name, place, by, nil)
}

func (s *Supervisor) setPause(name string, place int, by string, pause *pool.Pause) (string, error) {
	r, err := s.find(name)
	if err != nil {
		return "", err
	}
	addr := r.addr()
	if place >= 0 {
		desired, _ := s.table.accepted()
		if spec := desired.Pool(r.addr()); spec == nil || place >= s.table.sizeOf(spec) {
			return "", pool.NewCallError(pool.CategoryInvalidArgument, "%s has no place %d", r.addr(), place)
		}
		addr = pool.WorkerAddress(r.addr(), place)
	}
	s.pauses.changing.Lock()
	defer s.pauses.changing.Unlock()
	former, paused := s.pauses.of(addr)
	switch {
	case pause != nil && paused:
		return "", pool.NewCallError(pool.CategoryInvalidArgument, "%s is paused already, by %s since %s", addr, former.By, former.At.Local().Format(time.DateTime))
	case pause == nil && !paused:
		return "", pool.NewCallError(pool.CategoryInvalidArgument, "%s is not paused", addr)
	}
	if err := s.keeper.now(func(st store) error { return st.SetPause(addr, pause) }); err != nil {
		return "", err
	}
	s.pauses.set(addr, pause)
	r.dispatcher.setHold(s.pauses.holdOf(r.addr()))
	s.events.Publish(pauseEvent(r.addr(), place, by, pause, time.Since(former.At)))
	s.log.Info("changed a pause", "address", addr, "paused", pause != nil)
	return addr, nil
}

// pauseEvent tells that the pool at addr, or one place of it, was paused, or, without a
// pause, resumed after that time.
func pauseEvent(addr string, place int, by string, pause *pool.Pause, after time.Duration) event.Body {
	if place < 0 {
		about := event.OnPool{Pool: addr}
		if pause != nil {
			return event.PoolPaused{OnPool: about, By: by}
		}
		return event.PoolResumed{OnPool: about, By: by, PausedUS: after.Microseconds()}
	}
	about := event.OnWorker{Pool: addr, Worker: pool.WorkerAddress(addr, place)}
	if pause != nil {
		return event.WorkerPaused{OnWorker: about, By: by}
	}
	return event.WorkerResumed{OnWorker: about, By: by, PausedUS: after.Microseconds()}
}

// forgetPauses ends the pauses of a pool that nobody accepts any more. Its loop may
// live until the pool is made again.
func (s *Supervisor) forgetPauses(addr string) {
	s.pauses.changing.Lock()
	defer s.pauses.changing.Unlock()
	s.pauses.mu.Lock()
	all := slices.Collect(maps.Keys(s.pauses.byAddress))
	s.pauses.mu.Unlock()
	for _, paused := range all {
		if paused != addr && !strings.HasPrefix(paused, addr+"/") {
			continue
		}
		s.pauses.set(paused, nil)
		s.keeper.later(func(st store) error { return st.SetPause(paused, nil) })
	}
	if r := s.table.runner(addr, nil); r != nil {
		r.dispatcher.setHold(s.pauses.holdOf(addr))
	}
}
