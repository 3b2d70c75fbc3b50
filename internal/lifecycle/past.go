package lifecycle

import (
	"slices"
	"time"
)

// Past is what a machine remembers besides its target and its workers. Another one
// goes on with it: see Recall. It shares nothing with the machine.
type Past struct {
	Restarts int         `json:"restarts"`
	Recycles int         `json:"recycles"`
	Places   []PlacePast `json:"places"`
}

// PlacePast is what is remembered of a place: the failures that count against it, when
// it may be filled again, and how its last worker died.
type PlacePast struct {
	Place     int       `json:"place"`
	Failures  []Failure `json:"failures"`
	NotBefore time.Time `json:"not_before"`
	LastDeath string    `json:"last_death"`
}

// Past returns what the machine remembers.
func (m *Machine) Past() Past {
	past := Past{Restarts: m.restarts, Recycles: m.recycles}
	for _, p := range m.places {
		if len(p.failures) > 0 || p.lastDeath != "" {
			past.Places = append(past.Places, PlacePast{
				Place: p.index, Failures: slices.Clone(p.failures), NotBefore: p.notBefore, LastDeath: p.lastDeath,
			})
		}
	}
	return past
}

// recall goes on with what another machine remembered. It comes before the target.
func (m *Machine) recall(past Past) {
	m.restarts += past.Restarts
	m.recycles += past.Recycles
	for _, each := range past.Places {
		p := m.place(each.Place)
		p.failures, p.notBefore, p.lastDeath = slices.Clone(each.Failures), each.NotBefore, each.LastDeath
	}
}
