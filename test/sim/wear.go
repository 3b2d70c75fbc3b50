package sim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// swell makes a worker hold more memory than it may, from a call on.
func (p *process) swell() {
	s := p.w.sup
	if s == nil || p.swollen {
		return
	}
	if e := s.directory[p.id]; e != nil && e.r.spec.Lifecycle.MaxMemory > 0 {
		p.swollen = true
		s.measure(p)
	}
}

// measure tells the pool of a worker that holds too much, again and again: one that
// is too young to be recycled is told of in vain.
func (s *supervisor) measure(p *process) {
	s.after(s.w.between(50*time.Millisecond, 500*time.Millisecond), func() {
		e := s.directory[p.id]
		if e == nil || e.leaving || !p.alive || e.r.spec.Lifecycle.MaxMemory == 0 {
			return
		}
		e.r.send(func() { e.r.step(lifecycle.OverMemory{Worker: p.id, Reason: "it holds too much"}) })
		s.measure(p)
	})
}

// listen waits until a frozen worker has missed its health checks. One with a call is
// left to the call's deadline.
func (s *supervisor) listen(p *process) {
	e := s.directory[p.id]
	if e == nil {
		return
	}
	health := e.r.spec.Health
	s.after(time.Duration(health.Misses)*health.Interval.D()+health.Timeout.D(), func() {
		switch e := s.directory[p.id]; {
		case e == nil || e.leaving || !p.frozen:
		case e.trial != nil || !e.answered || e.slot.call != nil || e.slot.draining:
			s.listen(p)
		default:
			s.w.stats.Unresponsive++
			e.slot.admitted, e.admitted, e.silent = false, false, true
			e.slot.leaveIdle()
			e.r.send(func() { e.r.step(lifecycle.Unresponsive{Worker: p.id, Reason: "it did not answer"}) })
		}
	})
}

// recycled takes note of a worker that is replaced though it works.
func (r *runner) recycled(c lifecycle.Recycled) {
	w := r.s.w
	w.stats.Recycles++
	if e := r.named(c.Worker, "Recycled"); e == nil || c.Replacement == "" {
		return
	}
	if e := r.named(c.Replacement, "Recycled"); e != nil && (!e.answered || e.leaving) {
		w.violate(InvariantRecycling, "%s: %s is recycled for %s, which is not ready", r.addr, c.Worker, c.Replacement)
	}
}

// checkRecycling holds the replacements of workers that are well against
// max_recycling, when one more has been started.
func (r *runner) checkRecycling() {
	starting := 0
	for _, p := range r.m.View().Places {
		switch p.Next.State {
		case pool.WorkerStarting, pool.WorkerHandshaking, pool.WorkerInitializing:
			if p.Serving.ID != "" && p.Serving.Launch == p.Next.Launch {
				starting++
			}
		default:
		}
	}
	if most := r.spec.Lifecycle.MaxRecycling.Of(r.size); starting > most {
		r.s.w.violate(InvariantRecycling, "%s: %d workers are being recycled, max_recycling is %d", r.addr, starting, most)
	}
}

// checkAges looks, long after the last call, whether workers were recycled when their
// time was over, or their last call taken.
func (r *runner) checkAges() {
	const late = 10 * time.Second
	w, policy := r.s.w, r.spec.Lifecycle
	for _, e := range r.workers {
		if e.slot.toldSpent && !e.leaving {
			w.violate(InvariantRecycling, "%s took its last call and is still there", e.p.name())
		}
	}
	limits := map[string]time.Duration{"ttl": policy.TTL.D(), "idle_ttl": policy.IdleTTL.D()}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		limit := limits[name]
		if limit == 0 {
			continue
		}
		end := max(limit, policy.MinLifetime.D()) + time.Duration(float64(limit)*policy.Jitter) + late
		for _, e := range r.workers {
			if age := w.now - max(e.since, r.armed); e.serves() && age > end {
				w.violate(InvariantRecycling, "%s is %s old, its %s is %s", e.p.name(), fmt.Sprint(age), name, limit)
			}
		}
	}
}
