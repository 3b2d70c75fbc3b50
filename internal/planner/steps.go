package planner

import (
	"cmp"
	"slices"
)

// Step is one change as an operation carries it out. The steps of a wave go on
// at one time; a wave begins when the one before succeeded.
type Step struct {
	Address string `json:"address"`
	Action  Action `json:"action"`
	Wave    int    `json:"wave"`
}

// Steps returns the steps of a plan in the order of their waves and, within one,
// of the plan. Everything that starts or replaces workers comes first, a pool after
// those that it depends on; then comes what only takes workers away, a pool before
// those that it depends on. A failure before that leaves the old workers serving.
func Steps(p Plan) []Step {
	order := waves{changes: map[string]Change{}, depth: map[string]int{}}
	for _, c := range p.Changes {
		order.changes[c.Address] = c
	}
	first, last := 1, 1
	for _, c := range p.Changes {
		if depth := order.depthOf(c.Address); releases(c) {
			last = max(last, depth)
		} else {
			first = max(first, depth)
		}
	}
	out := make([]Step, 0, len(p.Changes))
	for _, c := range p.Changes {
		step := Step{Address: c.Address, Action: c.Action, Wave: order.depthOf(c.Address)}
		if releases(c) {
			step.Wave = first + 1 + last - step.Wave
		}
		out = append(out, step)
	}
	slices.SortStableFunc(out, func(a, b Step) int { return cmp.Compare(a.Wave, b.Wave) })
	return out
}

// releases reports whether a change only takes workers away.
func releases(c Change) bool {
	return c.Action == ActionDestroy || c.Action == ActionResize && c.Size < c.OldSize
}

// waves finds how long the chain of dependencies is that ends in an address.
type waves struct {
	changes map[string]Change
	depth   map[string]int // 0 while it is being found, so that a circle ends
}

// depthOf returns 1 for a change that depends on no other of its kind, else one more
// than the deepest of those that it depends on.
func (w waves) depthOf(addr string) int {
	if depth, known := w.depth[addr]; known {
		return depth
	}
	w.depth[addr] = 0
	c, depth := w.changes[addr], 0
	for _, before := range c.After {
		if other, listed := w.changes[before]; listed && releases(other) == releases(c) {
			depth = max(depth, w.depthOf(before))
		}
	}
	w.depth[addr] = depth + 1
	return depth + 1
}
