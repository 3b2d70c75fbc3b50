package sim

import "time"

// epoch is when every history begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// clock is the time of a history, as the length since its begin, and what is to
// happen in it. It is a heap by time; what is due at one moment happens in the
// order in which it was asked for.
type clock struct {
	now    time.Duration
	asked  uint64
	agenda []due
}

type due struct {
	at    time.Duration
	order uint64
	do    func()
}

func (a due) before(b due) bool { return a.at < b.at || a.at == b.at && a.order < b.order }

// time returns the present moment as the machines see it.
func (c *clock) time() time.Time { return epoch.Add(c.now) }

// after has do happen in d from now.
func (c *clock) after(d time.Duration, do func()) {
	c.asked++
	c.agenda = append(c.agenda, due{at: c.now + max(0, d), order: c.asked, do: do})
	for i := len(c.agenda) - 1; i > 0; {
		parent := (i - 1) / 2
		if !c.agenda[i].before(c.agenda[parent]) {
			break
		}
		c.agenda[i], c.agenda[parent] = c.agenda[parent], c.agenda[i]
		i = parent
	}
}

// next takes the earliest thing out of the agenda and moves the time to it. It
// reports false when that lies behind end, and the time is end then.
func (c *clock) next(end time.Duration) (func(), bool) {
	if len(c.agenda) == 0 || c.agenda[0].at > end {
		c.now = max(c.now, end)
		return nil, false
	}
	first := c.agenda[0]
	last := len(c.agenda) - 1
	c.agenda[0] = c.agenda[last]
	c.agenda[last] = due{}
	c.agenda = c.agenda[:last]
	c.sink()
	c.now = first.at
	return first.do, true
}

// sink restores the heap from its top.
func (c *clock) sink() {
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(c.agenda); child++ {
			if c.agenda[child].before(c.agenda[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		c.agenda[i], c.agenda[least] = c.agenda[least], c.agenda[i]
		i = least
	}
}
