package supervisor

import (
	"errors"
	"io/fs"
	"log/slog"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// A move gives a running pool another address. Its loop, its dispatcher and its
// workers stay what they are, so calls that execute or wait go on. Workers keep the
// name that they were started with: it stands in their process, their control group
// and their secret, and their records say where they serve now.

// addr returns the address of the pool.
func (r *runner) addr() string { return r.dispatcher.addr() }

// log returns the pool's logger.
func (r *runner) log() *slog.Logger { return r.sup.log.With("pool", r.addr()) }

// home returns the address of the pool that the worker serves.
func (w *workerEntry) home() string {
	if w.runner == nil || w.runner.dispatcher == nil {
		return w.rec.Home()
	}
	return w.runner.addr()
}

// born returns the name that the worker was started with, which marks its process
// and all that it leaves behind.
func (w *workerEntry) born() string { return pool.Incarnate(w.rec.Address(), w.rec.Incarnation) }

// record returns what the store is to know of the worker.
func (w *workerEntry) record() pool.Worker {
	rec := w.rec
	rec.Serves = ""
	if home := w.home(); home != rec.Pool {
		rec.Serves = home
	}
	return rec
}

// rename gives every moved pool its new address, once the spec that says so was
// accepted. Between the acceptance and the records that follow it, a supervisor that
// starts again finds the workers by the accepted spec's own moves.
func (s *Supervisor) rename(moves map[string]string) {
	for from, to := range moves {
		r := s.table.rename(from, to)
		if err := s.logs.Move(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("cannot move the logs of a pool", "from", from, "to", to, "err", err)
		}
		s.movePauses(from, to)
		s.keeper.later(func(st store) error { return st.MovePool(from, to) })
		if r == nil {
			continue
		}
		r.read(func(r *runner) {
			for _, w := range r.workers {
				if w.process != nil && w.preflight == nil {
					r.remember(w)
				}
			}
		})
		s.log.Info("moved a pool", "from", from, "to", to)
	}
}

// rename gives the pool loop at from the address to, with what is set by hand, and
// returns it; nil when there is none.
func (t *table) rename(from, to string) *runner {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o, ok := t.overrides[from]; ok {
		t.overrides[to] = o
		delete(t.overrides, from)
	}
	r := t.runners[from]
	if r == nil {
		return nil
	}
	delete(t.runners, from)
	t.runners[to] = r
	r.dispatcher.name.Store(&to)
	return r
}

// movePauses has what is paused of a pool be paused under its new address.
func (s *Supervisor) movePauses(from, to string) {
	s.pauses.changing.Lock()
	defer s.pauses.changing.Unlock()
	s.pauses.mu.Lock()
	defer s.pauses.mu.Unlock()
	for paused, pause := range s.pauses.byAddress {
		if ref, err := pool.ParseWorkerRef(paused); err == nil && ref.Pool == from {
			delete(s.pauses.byAddress, paused)
			s.pauses.byAddress[to+paused[len(from):]] = pause
		}
	}
}

// runnerOf returns the pool loop of a change before it is accepted: a pool that is to
// move has it under its former address.
func (a *application) runnerOf(c planner.Change, spec *pool.Pool) *runner {
	if c.From != "" {
		if r := a.sup.table.runner(c.From, nil); r != nil {
			return r
		}
	}
	return a.sup.runnerFor(spec)
}

// movesOf returns where the pools of a plan go on, by their former addresses.
func movesOf(p planner.Plan) map[string]string {
	moves := map[string]string{}
	for _, c := range p.Changes {
		if c.From != "" {
			moves[c.From] = c.Address
		}
	}
	return moves
}
