package sim

import (
	"maps"
	"slices"
)

// held reports whether the slot gets no new calls.
func (d *dispatcher) held(s *slot) bool { return d.paused[-1] || d.paused[s.p.place] }

// hold sets what is paused, and gives calls to what is not any more.
func (d *dispatcher) hold(paused map[int]bool) {
	d.paused = paused
	d.idle = slices.DeleteFunc(d.idle, d.held)
	for _, s := range slices.Clone(d.slots) {
		if !slices.Contains(d.idle, s) {
			d.next(s)
		}
	}
}

// pauseOf returns what is paused of a pool.
func (d *disk) pauseOf(addr string) map[int]bool {
	out := map[int]bool{}
	for key := range d.paused {
		if key.addr == addr {
			out[key.place] = true
		}
	}
	return out
}

// pause stops giving calls to a place, or to the pool where place is -1, or ends that.
// It is recorded before it holds.
func (s *supervisor) pause(addr string, place int, paused bool) {
	r := s.runners[addr]
	if r == nil || s.desired.Pool(addr) == nil || place >= maxSize {
		return
	}
	s.w.stats.Pauses++
	s.w.note("pause %s/%d: %t", addr, place, paused)
	s.keeper.later(func(d *disk) {
		key := placeKey{addr, place}
		if d.paused[key] = true; !paused {
			delete(d.paused, key)
		}
		s.after(0, func() { r.d.hold(s.w.disk.pauseOf(addr)) })
	})
}

// resumeAll ends every pause.
func (w *world) resumeAll() {
	for _, addr := range addresses {
		for _, place := range slices.Sorted(maps.Keys(w.disk.pauseOf(addr))) {
			w.sup.pause(addr, place, false)
		}
	}
}
