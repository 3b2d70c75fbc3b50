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

// The waves of an operation.
const (
	// waveBuild holds everything that starts or replaces workers.
	waveBuild = 1
	// waveRelease holds what only takes workers away: a failure before it leaves
	// them serving.
	waveRelease = 2
)

// Steps returns the steps of a plan in the order of their waves and, within one,
// of the plan.
func Steps(p Plan) []Step {
	out := make([]Step, 0, len(p.Changes))
	for _, c := range p.Changes {
		step := Step{Address: c.Address, Action: c.Action, Wave: waveBuild}
		if c.Action == ActionDestroy || c.Action == ActionResize && c.Size < c.OldSize {
			step.Wave = waveRelease
		}
		out = append(out, step)
	}
	slices.SortStableFunc(out, func(a, b Step) int { return cmp.Compare(a.Wave, b.Wave) })
	return out
}
