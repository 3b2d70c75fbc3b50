package sim

import (
	"slices"
	"time"
)

const (
	// remembered is how many calls a worker remembers that it executed, kept how many
	// answers it holds that may not have arrived, and keptFor how long. They are small, so
	// that much is forgotten.
	remembered = 4
	kept       = 3
	keptFor    = 2 * time.Second
)

// memory is what a worker remembers of its calls for a supervisor that comes later.
type memory struct {
	ended []ended
	kept  []answer
	// completeSince is when the newest call ended that is forgotten.
	completeSince time.Duration
	// unsent: the newest answer has not left.
	unsent bool
}

type ended struct {
	call *call
	at   time.Duration
}

type answer struct {
	ended
	ok bool
}

// past is what a worker tells of its memory when it connects.
type past struct {
	kept          []answer
	executed      []*call
	completeSince time.Duration
}

// add takes up an answer that is about to be sent.
func (m *memory) add(c *call, ok bool, now time.Duration) {
	e := ended{c, now}
	if len(m.ended) == remembered {
		m.completeSince, m.ended = m.ended[0].at, m.ended[1:]
	}
	m.ended = append(m.ended, e)
	m.kept = slices.DeleteFunc(m.kept, func(a answer) bool { return a.at < now-keptFor })
	if len(m.kept) == kept {
		m.kept = m.kept[1:]
	}
	m.kept = append(m.kept, answer{e, ok})
	m.unsent = true
}

// told returns what the worker tells; forgetful: it does not admit what it has forgotten.
func (m *memory) told(forgetful bool) past {
	out := past{kept: slices.Clone(m.kept), completeSince: m.completeSince}
	for _, e := range m.ended {
		out.executed = append(out.executed, e.call)
	}
	if forgetful {
		out.executed, out.kept, out.completeSince = nil, nil, 0
	}
	return out
}

func (p past) executes(c *call) bool { return slices.Contains(p.executed, c) }

func (p past) keeps(c *call) bool {
	return slices.ContainsFunc(p.kept, func(a answer) bool { return a.call == c })
}
