package supervisor

import (
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// slotSet is the slots of one worker, and what they have in common: they enter and
// leave the rotation together, and what a worker may do counts for all of them.
type slotSet struct {
	dispatcher *dispatcher
	worker     *workerEntry
	// all never changes; a slot's number is its index.
	all []*slot

	// What follows is guarded by the dispatcher's mu.

	// admitted: the slots may take calls. draining: they were withdrawn, and DRAIN
	// follows the answer of the call that each has. DRAIN is never sent beside a call:
	// the call may have been assigned and not yet written.
	admitted bool
	draining bool
	// busy counts the slots that have a call.
	busy int
	// finished counts the calls that ended here.
	finished uint64
	// taken counts the calls that they were given and that may have started; usedAt is
	// when the last one ended, admittedAt when they were admitted.
	taken      int
	usedAt     time.Time
	admittedAt int64
	// toldNearing, toldSpent and toldStuck: the pool loop knows, see checkNearing,
	// checkSpent and checkStuck. toldImpaired: it knows that a slot is lost.
	toldNearing, toldSpent, toldStuck, toldImpaired bool
	// resumed: taken holds what was executed for a former supervisor.
	resumed bool
}

// addSlots makes the n slots of a worker.
func (d *dispatcher) addSlots(w *workerEntry, n int) *slotSet {
	set := &slotSet{dispatcher: d, worker: w, all: make([]*slot, n)}
	for i := range set.all {
		set.all[i] = &slot{slotSet: set, number: i}
	}
	d.mu.Lock()
	d.workers[set] = struct{}{}
	d.mu.Unlock()
	return set
}

// at returns the slot of that number, nil when there is none.
func (s *slotSet) at(number int) *slot {
	if number < 0 || number >= len(s.all) {
		return nil
	}
	return s.all[number]
}

// adopt prepares the slots of a worker that a former supervisor started: each
// connects when it has finished the call that it may be executing.
func (s *slotSet) adopt() {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	for _, each := range s.all {
		each.awaitLink(s.dispatcher.policy.callTimeout)
	}
}

// admit lets the slots take calls.
func (s *slotSet) admit() {
	d := s.dispatcher
	d.mu.Lock()
	if s.admitted {
		d.mu.Unlock()
		return
	}
	s.admitted, s.admittedAt = true, wire.Monotonic()
	s.checkNearing(s.admittedAt)
	work := d.employ(s.all)
	d.mu.Unlock()
	work.send()
}

// errand is a call that a slot was given and that is still to be sent to it.
type errand struct {
	slot *slot
	call *call
	to   hop
}

type errands []errand

// employ gives each slot that is free and not idle yet its next call, or makes it
// idle. mu is held; what is returned is sent once it is released.
func (d *dispatcher) employ(slots []*slot) (work errands) {
	for _, s := range slots {
		if s.idle {
			continue
		}
		if c, to := d.next(s); c != nil {
			work = append(work, errand{s, c, to})
		}
	}
	return work
}

func (work errands) send() {
	for _, e := range work {
		e.slot.send(e.to, e.call, nil)
	}
}

// withdraw takes the slots out of the rotation and tells each to end, behind the
// call that it may have.
func (s *slotSet) withdraw() {
	d := s.dispatcher
	d.mu.Lock()
	told := s.draining
	s.admitted, s.draining = false, true
	s.leaveRotation()
	s.checkStuck()
	free := []hop{}
	for _, each := range s.all {
		if each.call == nil && !told {
			free = append(free, hop{out: each.out})
		}
	}
	d.mu.Unlock()
	for _, to := range free {
		s.sendDrain(to.out)
	}
}

// withdrawIdle takes the slots out of the rotation if none has a call, and reports
// whether it did.
func (s *slotSet) withdrawIdle() bool {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	called := slices.ContainsFunc(s.all, func(each *slot) bool { return each.call != nil && !each.call.probe })
	if called || s.draining {
		return false
	}
	s.admitted = false
	s.leaveRotation()
	return true
}

// leaveRotation has no slot get another call for now. mu is held.
func (s *slotSet) leaveRotation() {
	for _, each := range s.all {
		each.leaveIdle()
	}
}

// rejoin makes those slots idle again that had left because every call that the
// worker may take was given out, and one came back. mu is held; offer follows.
func (s *slotSet) rejoin() {
	if s.busy >= len(s.all)-1 || s.spent() || !s.admitted || s.dispatcher.policy.maxRequests == 0 {
		return
	}
	d := s.dispatcher
	for _, each := range s.all {
		if each.call == nil && each.out != nil && !d.held(each) {
			d.rest(each)
		}
	}
}

// checkStuck tells the pool loop when a slot is lost to a call that does not end:
// first that the worker needs a replacement, and, when no other slot of it has a call
// or will get one, that it is of no use any more. mu is held.
func (s *slotSet) checkStuck() {
	lost := 0
	for _, each := range s.all {
		if each.stuck {
			lost++
		}
	}
	id := s.worker.rec.Incarnation
	switch over := s.draining || lost == len(s.all); {
	case lost == 0 || s.toldStuck:
	case over && s.busy == lost:
		s.toldStuck = true
		s.dispatcher.note(lifecycle.Stuck{Worker: id})
	case !s.toldImpaired && !s.draining:
		s.toldImpaired = true
		s.dispatcher.note(lifecycle.Impaired{Worker: id, Reason: "a call of one of its slots went on past its deadline and stop_grace", SlotLost: true})
	}
}

// executing returns the calls that the slots were given and have not finished, the
// oldest first. Slots that only wait for their connections have none.
func (s *slotSet) executing() []pool.DeathCall {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	var out []pool.DeathCall
	now := wire.Monotonic()
	for _, each := range s.all {
		if c := each.call; c != nil && c.sink != nil {
			out = append(out, pool.DeathCall{ID: c.id.String(), Command: c.command, RanUS: microseconds(now - c.sentAt)})
		}
	}
	slices.SortStableFunc(out, func(a, b pool.DeathCall) int { return int(b.RanUS - a.RanUS) })
	return out
}

// work is what a status tells of a worker's slots.
type work struct {
	finished uint64
	// busy counts the slots that execute a call, or may do so for a former supervisor.
	busy int
	// oldest is for how long the oldest call has been executed.
	oldest time.Duration
	// progress is how far those calls have come that tell.
	progress []pool.CallProgress
}

func (s *slotSet) work() work {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	out := work{finished: s.finished, busy: s.busy}
	now := wire.Monotonic()
	for _, each := range s.all {
		if told := each.callProgress(); told.Call != "" {
			out.progress = append(out.progress, told)
		}
		if c := each.call; c != nil && c.sink != nil {
			out.oldest = max(out.oldest, time.Duration(now-c.sentAt))
		}
	}
	return out
}

// remove ends the slots because their worker is gone; the calls they had fail, each
// with an error of its own that is made from why.
func (s *slotSet) remove(why *pool.CallError) {
	d := s.dispatcher
	var failed []*call
	again := false
	d.mu.Lock()
	delete(d.workers, s)
	s.admitted = false
	s.leaveRotation()
	for _, each := range s.all {
		c := each.end()
		if c == nil {
			continue
		}
		d.judge(c, why)
		if d.again(c, why) {
			again = true
			continue
		}
		if d.settle(c, outcomeFailed) {
			failed = append(failed, c)
			if !c.probe {
				d.lost++
			}
		}
	}
	d.mu.Unlock()
	if again {
		d.offer()
	}
	for _, c := range failed {
		own := *why
		own.Retryable = c.idempotent
		c.describe(&own)
		d.tellEnd(c, s.worker, outcomeFailed, &own)
		c.sink.fail(c, &own)
	}
}

// end forgets connection and timer and returns the call that the slot had. mu is held.
func (s *slot) end() *call {
	s.out = nil
	if s.timer != nil {
		s.timer.Stop()
	}
	c := s.call
	s.hold(nil)
	return c
}

// probe has an idle slot, if there is one, execute a command. It is no call of the
// pool's: it is counted nowhere.
func (s *slotSet) probe(command string, timeout time.Duration) {
	id := wire.NewCallID()
	frames, err := encodeCall(id, ExecRequest{Command: command})
	if err != nil {
		s.worker.probed(pool.NewCallError(pool.CategoryInvalidArgument, "%s", err.Error()))
		return
	}
	d := s.dispatcher
	now := wire.Monotonic()
	c := &call{
		dispatcher: d, sink: prober{s.worker}, id: id, command: command, frames: frames, probe: true,
		queuedAt: now, waitsSince: now, deadline: now + int64(timeout),
	}
	d.mu.Lock()
	i := slices.IndexFunc(s.all, func(each *slot) bool { return each.idle })
	if i < 0 {
		d.mu.Unlock()
		return
	}
	s.all[i].leaveIdle()
	out := s.all[i].assign(c, now)
	d.mu.Unlock()
	s.all[i].send(out, c, nil)
}
