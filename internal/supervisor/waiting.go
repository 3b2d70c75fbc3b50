package supervisor

import (
	"cmp"
	"container/list"
	"iter"
	"slices"
)

// waiting is a line of calls: those of a higher priority first, and of one priority
// in the order in which they came. A call stands in one line at most. It is guarded
// by the dispatcher's mu.
type waiting struct {
	// lanes has a list for each priority that ever waited, the highest first.
	lanes []lane
	n     int
}

type lane struct {
	priority uint8
	calls    *list.List // of *call
}

func (w *waiting) len() int { return w.n }

// push adds a call behind those of its priority, or before them.
func (w *waiting) push(c *call, first bool) {
	i, found := slices.BinarySearchFunc(w.lanes, c.priority, func(l lane, p uint8) int { return cmp.Compare(p, l.priority) })
	if !found {
		w.lanes = slices.Insert(w.lanes, i, lane{c.priority, list.New()})
	}
	if first {
		c.place = w.lanes[i].calls.PushFront(c)
	} else {
		c.place = w.lanes[i].calls.PushBack(c)
	}
	c.line, w.n = w, w.n+1
}

// pop removes the call that is next, nil when none waits.
func (w *waiting) pop() *call {
	for _, l := range w.lanes {
		if front := l.calls.Front(); front != nil {
			c := front.Value.(*call) //nolint:forcetypeassert // lanes hold calls alone
			w.remove(c)
			return c
		}
	}
	return nil
}

// oldest returns the call of the lowest priority that has waited longest, nil when
// none waits.
func (w *waiting) oldest() *call {
	for _, l := range slices.Backward(w.lanes) {
		if front := l.calls.Front(); front != nil {
			return front.Value.(*call) //nolint:forcetypeassert // lanes hold calls alone
		}
	}
	return nil
}

// remove takes a call out of this line, in which it must stand.
func (w *waiting) remove(c *call) {
	for _, l := range w.lanes {
		if l.priority == c.priority {
			l.calls.Remove(c.place)
		}
	}
	c.line, c.place, w.n = nil, nil, w.n-1
}

// all yields the calls, the next one first. The one that was yielded may be removed.
func (w *waiting) all() iter.Seq[*call] {
	return func(yield func(*call) bool) {
		for _, l := range w.lanes {
			for e := l.calls.Front(); e != nil; {
				following := e.Next()
				if !yield(e.Value.(*call)) { //nolint:forcetypeassert // lanes hold calls alone
					return
				}
				e = following
			}
		}
	}
}
