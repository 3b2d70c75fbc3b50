package supervisor

import (
	"time"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// Events subscribes to what happens, from since on where it is not zero. The
// caller closes the subscription.
func (s *Supervisor) Events(f event.Filter, since time.Time) *event.Subscription {
	return s.events.Subscribe(f, since)
}

func (w *workerEntry) about() event.OnWorker {
	return event.OnWorker{Pool: w.home(), Worker: w.incarnation(), PID: w.rec.PID}
}

func (w *workerEntry) ageUS() int64 { return time.Since(w.rec.StartedAt).Microseconds() }

func (r *runner) tellStarted(w *workerEntry, begun time.Time) {
	r.sup.events.Publish(event.WorkerStarted{
		OnWorker: w.about(), LaunchHash: w.rec.LaunchHash, Revision: w.rec.Revision,
		Trial: w.preflight != nil, Start: w.rec.Start, SpawnUS: time.Since(begun).Microseconds(),
	})
}

func (w *workerEntry) tellInitialized() {
	w.mu.Lock()
	e := event.WorkerInitialized{OnWorker: w.about(), Python: w.python, Commands: len(w.commands), InitUS: w.ageUS()}
	w.mu.Unlock()
	w.runner.sup.events.Publish(e)
}

// tellAdmitted tells that a worker takes calls for the first time. It runs in the
// pool loop.
func (r *runner) tellAdmitted(w *workerEntry) {
	if w.told {
		return // it only returned
	}
	w.told = true
	if w.adopted {
		after := time.Since(r.sup.startedAt).Microseconds()
		r.sup.events.Publish(event.WorkerAdopted{OnWorker: w.about(), LaunchHash: w.rec.LaunchHash, AgeUS: w.ageUS(), AfterUS: after})
		return
	}
	r.sup.events.Publish(event.WorkerReady{OnWorker: w.about(), LaunchHash: w.rec.LaunchHash, ReadyUS: w.ageUS()})
}

// tellStopped tells of the end of a worker that was to end. It runs in the pool loop.
func (r *runner) tellStopped(w *workerEntry, reason string) {
	r.sup.events.Publish(event.WorkerStopped{OnWorker: w.about(), Reason: reason, Calls: w.slots.work().finished, AgeUS: w.ageUS()})
}

// tellCrashed tells of a death. It runs in the pool loop.
func (r *runner) tellCrashed(w *workerEntry, d *pool.Death, reason, exit string) {
	e := event.WorkerCrashed{
		OnWorker: w.about(), Incarnation: w.rec.Incarnation, Reason: reason, Exit: exit, Killed: d.Class == pool.DeathKilled,
		Trial:      w.preflight != nil,
		DuringCall: d.Call != nil, Calls: w.slots.work().finished, AgeUS: d.LifetimeUS, Stderr: d.Stderr,
		Class: string(d.Class), ExitCode: d.ExitCode, Signal: d.Signal, CoreDumped: d.CoreDumped, UserUS: d.UserUS, SystemUS: d.SystemUS,
		PeakRSSBytes: d.PeakRSSBytes, MemoryLimitBytes: d.MemoryLimitBytes, Stack: d.Stack, Hint: d.Hint,
	}
	if d.Call != nil {
		e.Call, e.Command, e.RanUS = d.Call.ID, d.Call.Command, d.Call.RanUS
	}
	r.sup.events.Publish(e)
}

func (r *runner) tellUnhealthy(w *workerEntry, reason string) {
	r.sup.events.Publish(event.WorkerHealthCheckFailed{OnWorker: w.about(), Reason: reason, Calls: w.slots.work().finished, AgeUS: w.ageUS()})
}

func (r *runner) tellRecycled(c lifecycle.Recycled) {
	w, replacement := r.workers[c.Worker], ""
	if next := r.workers[c.Replacement]; next != nil {
		replacement = next.incarnation()
	}
	r.sup.events.Publish(event.WorkerRecycled{
		OnWorker: w.about(), Replacement: replacement, Reason: c.Reason, Calls: w.slots.work().finished, AgeUS: w.ageUS(),
	})
}

func (r *runner) tellQuarantined(c lifecycle.Quarantine) {
	place := pool.WorkerAddress(r.addr(), c.Place)
	r.sup.events.Publish(event.WorkerQuarantined{OnWorker: event.OnWorker{Pool: r.addr(), Worker: place}, Reason: c.Message})
}

// vitals is what a pool loop has told of its pool.
type vitals struct {
	size int
	// full: every place has a ready worker. Otherwise it is not so since then.
	full  bool
	since time.Time
	// reason says what became of the last worker that serves no more: how it died, why
	// it was killed, or that it drains.
	reason string
}

// tellVitals tells when the pool becomes ready, or is not any more. It runs in the
// pool loop.
func (r *runner) tellVitals() {
	v, view := &r.vitals, r.machine.View()
	ready, silent, quarantined := 0, 0, 0
	for _, p := range view.Places {
		switch p.Serving.State {
		case pool.WorkerReady:
			ready++
		case pool.WorkerAdopting:
			silent++
		default:
		}
		if p.Quarantined != "" {
			quarantined++
		}
	}
	if v.since.IsZero() {
		v.since = time.Now()
	}
	resized, was := view.Size != v.size, v.full
	if was && !resized && ready+silent >= view.Size {
		return // it connects again in a moment, or turns out to be dead
	}
	v.size, v.full = view.Size, view.Size > 0 && ready >= view.Size
	about := event.OnPool{Pool: r.addr()}
	switch {
	case v.full && !was:
		r.sup.events.Publish(event.PoolReady{OnPool: about, Size: v.size, WaitUS: time.Since(v.since).Microseconds()})
		v.reason = ""
	case was && !v.full:
		v.since = time.Now()
		if !resized {
			r.sup.events.Publish(event.PoolDegraded{OnPool: about, Size: v.size, Ready: ready, Quarantined: quarantined, Reason: v.reason})
		}
	}
}
