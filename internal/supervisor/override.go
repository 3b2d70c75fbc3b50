package supervisor

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

// scaling has the sizes that are set by hand change one after the other.
type scaling struct {
	// mu is held while an override changes in the table and in the state. The table's own
	// mutex is taken inside it.
	mu sync.Mutex
	// changed holds one token when the next end may be sooner than it was.
	changed chan struct{}
}

// Scale sets the size of a pool by hand until the next apply, or for a while when last
// is not 0. It returns the address and the size that it had.
func (s *Supervisor) Scale(name string, size int, by string, last time.Duration) (addr string, old int, err error) {
	if size < 0 || size > maxSize {
		return "", 0, pool.NewCallError(pool.CategoryInvalidArgument, "size must be between 0 and %d, not %d", maxSize, size)
	}
	if last < 0 {
		return "", 0, pool.NewCallError(pool.CategoryInvalidArgument, "a size cannot be set for %s: that is in the past", pool.Duration(last))
	}
	r, err := s.find(name)
	if err != nil {
		return "", 0, err
	}
	desired, _ := s.table.accepted()
	spec := desired.Pool(r.addr())
	if spec == nil {
		return "", 0, pool.NewCallError(pool.CategoryUnknownPool, "%s is being destroyed", r.addr())
	}
	s.scaling.mu.Lock()
	defer s.scaling.mu.Unlock()
	old = s.table.sizeOf(spec)
	now := time.Now().UTC()
	override := &pool.Override{Size: size, By: by, At: now}
	if last > 0 {
		override.Until = now.Add(last)
	}
	if size == spec.Size {
		override = nil // back to what was accepted
	}
	if err := s.keeper.now(func(st store) error { return st.SetOverride(r.addr(), override) }); err != nil {
		return "", 0, err
	}
	s.table.override(r.addr(), override)
	r.send(happening{lifecycle.Resize{Size: size}})
	select {
	case s.scaling.changed <- struct{}{}:
	default:
	}
	return r.addr(), old, nil
}

// dropOver forgets the overrides that ended while no supervisor ran.
func dropOver(st *state.Store, overrides map[string]pool.Override, now time.Time) error {
	for addr, o := range maps.Clone(overrides) {
		if !o.Over(now) {
			continue
		}
		if err := st.SetOverride(addr, nil); err != nil {
			return err
		}
		delete(overrides, addr)
	}
	return nil
}

// endOverrides gives pools their accepted size back when the time of an override is
// over, until ctx ends.
func (s *Supervisor) endOverrides(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due := timer.C
		if next := s.table.nextEnd(); next.IsZero() {
			due = nil
		} else {
			timer.Reset(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.scaling.changed:
		case <-due:
			s.endOver(time.Now())
		}
	}
}

// endOver ends the overrides whose time is over.
func (s *Supervisor) endOver(now time.Time) {
	s.scaling.mu.Lock()
	defer s.scaling.mu.Unlock()
	for _, addr := range s.table.takeOver(now) {
		s.keeper.later(func(st store) error { return st.SetOverride(addr, nil) })
		desired, _ := s.table.accepted()
		r, spec := s.table.runner(addr, nil), desired.Pool(addr)
		if r == nil || spec == nil {
			continue
		}
		s.log.Info("the time of a size that was set by hand is over", "pool", addr, "size", spec.Size)
		r.send(happening{lifecycle.Resize{Size: spec.Size}})
	}
}

// nextEnd returns when the first override ends by itself, the zero time for never.
func (t *table) nextEnd() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	var next time.Time
	for _, o := range t.overrides {
		if !o.Until.IsZero() && (next.IsZero() || o.Until.Before(next)) {
			next = o.Until
		}
	}
	return next
}

// takeOver forgets the overrides whose time is over and returns their pools.
func (t *table) takeOver(now time.Time) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var over []string
	for addr, o := range t.overrides {
		if o.Over(now) {
			over = append(over, addr)
			delete(t.overrides, addr)
		}
	}
	slices.Sort(over)
	return over
}
