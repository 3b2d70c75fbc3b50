package supervisor

import (
	"maps"
	"slices"
	"sync"

	"github.com/snakectl/snakectl/internal/pool"
)

// table is what the supervisor as a whole knows: the accepted spec, the overrides
// and the pool loops. It is safe for concurrent use; what it returns is shared and
// must not be changed.
type table struct {
	// mu guards what follows. It is a leaf.
	mu        sync.Mutex
	desired   *pool.Desired
	revision  uint64
	overrides map[string]pool.Override
	runners   map[string]*runner // by address
}

func (t *table) accepted() (*pool.Desired, uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.desired, t.revision
}

func (t *table) accept(revision uint64, desired *pool.Desired) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.desired, t.revision = desired, revision
}

// override sets the size that somebody set for a pool by hand; nil forgets it.
func (t *table) override(addr string, o *pool.Override) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o == nil {
		delete(t.overrides, addr)
		return
	}
	t.overrides[addr] = *o
}

// sizeOf returns the size in force: the override's or the spec's.
func (t *table) sizeOf(spec *pool.Pool) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o, ok := t.overrides[spec.Address()]; ok {
		return o.Size
	}
	return spec.Size
}

// overridden returns the addresses that have an override.
func (t *table) overridden() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.overrides))
}

func (t *table) overrideOf(addr string) *pool.Override {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o, ok := t.overrides[addr]; ok {
		return &o
	}
	return nil
}

// runner returns the pool loop of addr, made by create when there is none.
func (t *table) runner(addr string, create func() *runner) *runner {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.runners[addr]
	if r == nil && create != nil {
		r = create()
		t.runners[addr] = r
	}
	return r
}

func (t *table) remove(addr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.runners, addr)
}

// all returns the pool loops in the order of their addresses.
func (t *table) all() []*runner {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]*runner, 0, len(t.runners))
	for _, addr := range slices.Sorted(maps.Keys(t.runners)) {
		out = append(out, t.runners[addr])
	}
	return out
}
