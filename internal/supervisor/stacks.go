package supervisor

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

const (
	// stacksWithin bounds how long a worker may take to write the stacks that somebody
	// asked for.
	stacksWithin = 2 * time.Second
	// dumpWithin bounds how much longer a worker lives because its stacks are taken.
	dumpWithin = 500 * time.Millisecond
	// maxDump bounds the stacks of a dead worker.
	maxDump = 16 << 10
)

// Stacks returns what the threads of one worker, or of every worker of a pool, are
// doing. A worker that cannot tell is an error if it was named, and says so in its
// Stacks otherwise.
func (s *Supervisor) Stacks(ctx context.Context, ref string) ([]pool.Stacks, error) {
	parsed, err := pool.ParseWorkerRef(ref)
	if err != nil {
		return nil, pool.NewCallError(pool.CategoryInvalidArgument, "%s", err.Error())
	}
	r, err := s.find(parsed.Pool)
	if err != nil {
		return nil, err
	}
	workers := r.serving(parsed)
	if len(workers) == 0 {
		return nil, nobodyThere(r.addr(), parsed)
	}
	out := make([]pool.Stacks, len(workers))
	var all sync.WaitGroup
	for i, w := range workers {
		all.Go(func() { out[i] = w.stacks(ctx, stacksWithin) })
	}
	all.Wait()
	if parsed.Place >= 0 && len(out) == 1 && out[0].Error != "" {
		failure := pool.NewCallError(pool.CategoryUnavailable, "cannot take the stacks of %s: %s", out[0].Worker, out[0].Error)
		failure.Hint = "see its state with: snakectl status '" + r.addr() + "'"
		return nil, failure
	}
	return out, nil
}

// serving returns the workers with a process that a reference means, by place.
func (r *runner) serving(ref pool.WorkerRef) []*workerEntry {
	var out []*workerEntry
	r.read(func(r *runner) {
		for _, w := range r.workers {
			if w.process != nil && (ref.Place < 0 || ref.Place == w.rec.Place) && strings.HasPrefix(w.rec.Incarnation, ref.Incarnation) {
				out = append(out, w)
			}
		}
	})
	slices.SortFunc(out, func(a, b *workerEntry) int {
		return cmp.Or(cmp.Compare(a.rec.Place, b.rec.Place), a.rec.StartedAt.Compare(b.rec.StartedAt))
	})
	return out
}

func nobodyThere(addr string, ref pool.WorkerRef) *pool.CallError {
	name := addr
	if ref.Place >= 0 {
		name = pool.WorkerAddress(addr, ref.Place)
	}
	if ref.Incarnation != "" {
		name = pool.Incarnate(name, ref.Incarnation)
	}
	err := pool.NewCallError(pool.CategoryUnavailable, "no worker runs as %s", name)
	err.Hint = "see which run with: snakectl status '" + addr + "'; what a worker that is gone wrote last is in: snakectl logs '" + addr + "'"
	return err
}

// stacks has the worker write its stacks and returns them. It waits for at most
// within; one caller at a time is served.
func (w *workerEntry) stacks(ctx context.Context, within time.Duration) pool.Stacks {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	out := pool.Stacks{Worker: w.incarnation(), PID: w.rec.PID, At: time.Now().UTC(), Threads: []pool.Thread{}}
	if calls := w.slots.executing(); len(calls) > 0 {
		out.Call, out.Others = &calls[0], calls[1:]
	}
	w.dumping.Lock()
	defer w.dumping.Unlock()
	text, err := w.process.Stacks(ctx, w.runner.sup.logs.Stacks(w.logID()))
	if err == nil {
		out.Threads = pool.ParseThreads(text)
		if len(out.Threads) == 0 {
			err = errors.New("it wrote what is no stack: " + text)
		}
	}
	if err != nil {
		out.Error = err.Error()
	}
	return out
}

// dump is the last look at a worker that is about to be ended. It belongs to the
// pool loop.
type dump struct {
	underway bool
	// then is the signal that waits for the dump, empty for none.
	then string
	// stack is what came of it.
	stack string
}

// text is what the dump adds to the worker's log.
func (d *dump) text() string {
	if d.stack == "" {
		return ""
	}
	return "snakectl: what its threads were doing before it was ended:\n" + d.stack
}

// dumped tells the pool loop that the last look at a worker is over.
type dumped struct {
	worker *workerEntry
	stacks pool.Stacks
}

func (dumped) message() {}

// dump has the stacks of a worker taken. A signal that it is to get meanwhile waits,
// for half a second at most.
func (r *runner) dump(w *workerEntry) {
	if w.process == nil || w.dump.underway {
		return
	}
	w.dump.underway = true
	r.sup.waiters.Go(func() { r.send(dumped{w, w.stacks(context.Background(), dumpWithin)}) })
}

// dumped keeps the stacks with the worker and in its log, and sends the signal that
// waited.
func (r *runner) dumped(m dumped) {
	w := m.worker
	w.dump.underway = false
	if r.workers[w.rec.Incarnation] != w {
		return
	}
	if m.stacks.Error != "" {
		r.log().Info("a worker told no stacks before its end", "worker", w.incarnation(), "reason", m.stacks.Error)
	} else {
		w.dump.stack = m.stacks.String()
		if len(w.dump.stack) > maxDump {
			w.dump.stack = w.dump.stack[:maxDump] + "... (cut)\n"
		}
		if err := r.sup.logs.Append(w.logID(), w.dump.text()); err != nil {
			r.log().Warn("cannot write to a log", "worker", w.incarnation(), "err", err)
		}
		r.log().Warn("took the stacks of a worker before its end", "worker", w.incarnation(), "stack", w.dump.stack)
	}
	if w.dump.then != "" {
		r.signal(w, w.dump.then)
	}
}
