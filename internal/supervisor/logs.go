package supervisor

import (
	"context"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/logs"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

const (
	// lookAtLogs is how often the logs of running workers are measured.
	lookAtLogs = 2 * time.Second
	// expireLogs is how often those of places that are gone are looked for.
	expireLogs = time.Hour
	// defaultKeep stands in for a pool that was accepted before there was logs.keep.
	defaultKeep = 10 << 20
)

// Logs returns the logs that a reference means: those of a pool, of a place of it,
// or of one incarnation, whose id may be shortened. Workers that are gone have logs,
// and so have places and pools that are.
func (s *Supervisor) Logs(ref string) (logs.Selection, error) {
	parsed, err := pool.ParseWorkerRef(ref)
	if err != nil {
		return logs.Selection{}, pool.NewCallError(pool.CategoryInvalidArgument, "%s", err.Error())
	}
	selection := logs.Selection{Dir: s.logs, Pool: parsed.Pool, Place: parsed.Place}
	places, err := s.logs.Places(parsed.Pool)
	if err != nil {
		return selection, err
	}
	if !slices.Contains(places, parsed.Place) && (parsed.Place >= 0 || len(places) == 0) {
		if _, err := s.find(parsed.Pool); err != nil {
			return selection, err
		}
		if parsed.Place >= s.sizeOf(parsed.Pool) {
			return selection, noPlace(parsed.Pool, parsed.Place)
		}
	}
	if parsed.Incarnation == "" {
		return selection, nil
	}
	selection, found, err := selection.Find(parsed.Incarnation)
	if err == nil && found != 1 {
		place := pool.WorkerAddress(parsed.Pool, parsed.Place)
		failure := pool.NewCallError(pool.CategoryInvalidArgument, "%s has %d logs of incarnations that begin with %q, not one", place, found, parsed.Incarnation)
		failure.Hint = "see which there are with: snakectl logs --list '" + place + "'"
		return selection, failure
	}
	return selection, err
}

// sizeOf returns the size of the accepted pool at addr, 0 when there is none.
func (s *Supervisor) sizeOf(addr string) int {
	desired, _ := s.table.accepted()
	if spec := desired.Pool(addr); spec != nil {
		return max(spec.Size, s.table.sizeOf(spec))
	}
	return 0
}

// LogList tells which logs of a reference there are, the oldest of each place
// first.
func (s *Supervisor) LogList(ref string) ([]pool.LogInfo, error) {
	selection, err := s.Logs(ref)
	if err != nil {
		return nil, err
	}
	places := []int{selection.Place}
	if selection.Place < 0 {
		if places, err = s.logs.Places(selection.Pool); err != nil {
			return nil, err
		}
	}
	alive := s.aliveIn(selection.Pool)
	out := []pool.LogInfo{}
	for _, place := range places {
		all, err := s.logs.List(selection.Pool, place)
		if err != nil {
			return nil, err
		}
		for _, l := range all {
			if selection.Incarnation == "" || selection.Incarnation == l.Incarnation {
				out = append(out, logInfo(l, alive[l.Incarnation]))
			}
		}
	}
	return out, nil
}

func logInfo(l logs.Log, alive bool) pool.LogInfo {
	info := pool.LogInfo{
		Worker: pool.Incarnate(pool.WorkerAddress(l.Pool, l.Place), l.Incarnation),
		Bytes:  l.Bytes(), StartedAt: l.Started, Running: alive && l.End == nil,
	}
	if n := len(l.Segments); n > 0 && info.Bytes > 0 {
		at := l.Segments[n-1].Info.ModTime().UTC()
		info.WrittenAt = &at
	}
	if l.End != nil {
		info.EndedAt, info.End = &l.End.At, l.End.How
	}
	return info
}

// aliveIn returns the incarnations of a pool that have a process.
func (s *Supervisor) aliveIn(addr string) map[string]bool {
	alive := map[string]bool{}
	if r := s.table.runner(addr, nil); r != nil {
		r.read(func(r *runner) {
			for id := range r.workers {
				alive[id] = true
			}
		})
	}
	return alive
}

// makeLog makes the log of a worker that is about to start, and room for it. It runs
// in the pool loop.
func (r *runner) makeLog(w *workerEntry) error {
	alive := func(id string) bool { return r.workers[id] != nil }
	if err := r.sup.logs.Prune(r.addr(), w.rec.Place, keepOf(&w.rec.Spec), alive); err != nil {
		r.log().Warn("cannot remove old logs", "worker", w.incarnation(), "err", err)
	}
	return r.sup.logs.Create(w.logID())
}

// closeLog notes in a worker's log how it ended.
func (s *Supervisor) closeLog(rec pool.Worker, how string) {
	if err := s.logs.Finish(logID(rec), logs.End{At: time.Now().UTC(), How: how}); err != nil {
		s.log.Warn("cannot finish a log", "worker", pool.Incarnate(rec.Address(), rec.Incarnation), "err", err)
	}
}

func keepOf(spec *pool.Pool) int64 {
	if spec.Logs.Keep == 0 {
		return defaultKeep
	}
	return int64(spec.Logs.Keep)
}

// keepLogs keeps the logs within bounds until ctx ends.
func (s *Supervisor) keepLogs(ctx context.Context) {
	select {
	case <-s.booted:
	case <-ctx.Done():
		return
	}
	tick, hourly := time.NewTicker(lookAtLogs), time.NewTicker(expireLogs)
	defer tick.Stop()
	defer hourly.Stop()
	kept := map[string]int64{} // by pool: what its places were last pruned to
	for {
		select {
		case <-tick.C:
			for _, r := range s.table.all() {
				s.keepLogsOf(r, kept)
			}
		case now := <-hourly.C:
			err := s.logs.Expire(now, func(addr string, place int) bool { return place < s.sizeOf(addr) || s.table.runner(addr, nil) != nil })
			if err != nil {
				s.log.Warn("cannot remove the logs of places that are gone", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// keepLogsOf sets the logs of one pool's workers aside that have grown, and removes
// what is too much then.
func (s *Supervisor) keepLogsOf(r *runner, kept map[string]int64) {
	var workers []*workerEntry
	alive := map[string]bool{}
	keep := int64(defaultKeep)
	if !r.read(func(r *runner) {
		for id, w := range r.workers {
			workers, alive[id] = append(workers, w), true
		}
		if l, ok := r.launches[r.target]; ok {
			keep = keepOf(&l.spec)
		}
	}) {
		return
	}
	full := map[int]bool{} // places that have a new segment
	for _, w := range workers {
		aside, err := s.logs.SetAside(w.logID(), logs.SegmentSize(keep), w.reopenLog)
		if err != nil {
			s.log.Warn("cannot set a log aside", "worker", w.incarnation(), "err", err)
		}
		full[w.rec.Place] = full[w.rec.Place] || aside
	}
	if before, known := kept[r.addr()]; !known || before != keep {
		places, err := s.logs.Places(r.addr())
		if err != nil {
			s.log.Warn("cannot list logs", "pool", r.addr(), "err", err)
		}
		for _, place := range places {
			full[place] = true
		}
		kept[r.addr()] = keep
	}
	for place, now := range full {
		if !now {
			continue
		}
		if err := s.logs.Prune(r.addr(), place, keep, func(id string) bool { return alive[id] }); err != nil {
			s.log.Warn("cannot remove old logs", "worker", pool.WorkerAddress(r.addr(), place), "err", err)
		}
	}
}

// reopenLog asks the worker to turn to a file, and reports whether it could be
// asked.
func (w *workerEntry) reopenLog(path string) bool {
	frame, err := wire.AppendJSON(nil, wire.Header{Type: wire.TypeEvent, Flags: wire.FlagIgnorable}, wire.Event{Event: wire.EventReopen, Path: path})
	if err != nil {
		return false
	}
	w.mu.Lock()
	out := w.control
	w.mu.Unlock()
	return out != nil && out.Send(frame) == nil
}
