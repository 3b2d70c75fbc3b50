package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/cgroup"
	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

// removeWithin is how long the kernel may take to end what is left in a group.
const removeWithin = 10 * time.Second

// limiter makes the control groups of workers, one for each incarnation, where this
// machine has a place for them. It is safe for concurrent use.
type limiter struct {
	log         *slog.Logger
	tree        *cgroup.Tree // nil without
	confinement pool.Confinement
	removals    sync.WaitGroup
}

// newLimiter prepares the place for the groups of an instance. Where there is none,
// or it cannot be prepared, workers are held by resource limits, and the confinement
// says why.
func newLimiter(lineage string, log *slog.Logger) *limiter {
	l := &limiter{log: log}
	var site *cgroup.Site
	site, l.confinement = Confine(os.Getpid())
	if site == nil {
		return l
	}
	tree, err := site.Open("snakectl-" + lineage)
	if err != nil {
		l.confinement = pool.Confinement{Memory: pool.MechanismRlimit, Why: err.Error()}
		log.Warn("cannot use control groups", "err", err)
		return l
	}
	l.tree, l.confinement.Where = tree, tree.String()
	return l
}

// restraint is what holds one worker to its limits. It belongs to the pool loop.
type restraint struct {
	group  *cgroup.Group // nil: by rlimit
	limits pool.Limits   // those in force
}

// groupName names the group of a worker: "api.0.7f2c". The incarnation makes it the
// only one; the rest is for people.
func groupName(rec *pool.Worker) string {
	name := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || strings.ContainsRune(`/."[]`, r) {
			return '_'
		}
		return r
	}, strings.TrimPrefix(rec.Pool, "pool."))
	const longest = 100
	return fmt.Sprintf("%s.%d.%s", name[:min(len(name), longest)], rec.Place, rec.Incarnation)
}

// begin makes what will hold a worker. Its directory is nil where that is no group;
// the caller closes it.
func (l *limiter) begin(rec *pool.Worker, limits pool.Limits) (restraint, *os.File, error) {
	h := restraint{limits: limits}
	if l.tree == nil {
		return h, nil, nil
	}
	var err error
	if h.group, err = l.tree.Make(groupName(rec)); err != nil {
		return h, nil, err
	}
	if limits.Memory > 0 {
		err = h.group.LimitMemory(int64(limits.Memory))
	}
	var dir *os.File
	if err == nil {
		dir, err = h.group.Open()
	}
	if err != nil {
		l.end(h)
		return restraint{}, nil, err
	}
	return h, dir, nil
}

// find returns what holds a worker of a former supervisor. Its limits are those that
// the kernel tells: they may have changed since it was recorded.
func (l *limiter) find(rec *pool.Worker, process *worker.Process) restraint {
	var h restraint
	now, err := process.Rlimits()
	if err == nil && now.NoFile != rec.Inherited.NoFile {
		h.limits.NoFile = int(now.NoFile) //nolint:gosec // the kernel's bound is far below
	}
	if l.tree != nil {
		h.group = l.tree.Group(groupName(rec))
	}
	if h.group == nil {
		if err == nil && now.Data != rec.Inherited.Data {
			h.limits.Memory = pool.Size(now.Data) //nolint:gosec // it was set from a Size
		}
		return h
	}
	if m, err := h.group.Memory(); err == nil {
		h.limits.Memory = pool.Size(m.Limit)
	}
	return h
}

// end removes the group of a worker that is gone, with whatever the worker left in
// it, before long.
func (l *limiter) end(h restraint) {
	if h.group != nil {
		l.removals.Go(func() { l.remove(h.group) })
	}
}

func (l *limiter) remove(g *cgroup.Group) {
	ctx, cancel := context.WithTimeout(context.Background(), removeWithin)
	defer cancel()
	if err := g.Remove(ctx); err != nil {
		l.log.Warn("a control group stays behind", "group", g.Name(), "err", err)
	}
}

// clear removes the groups that belong to none of the workers: a supervisor that was
// killed left them.
func (l *limiter) clear(keep map[string]bool) {
	if l.tree == nil {
		return
	}
	names, err := l.tree.Names()
	if err != nil {
		l.log.Warn("cannot clean up the control groups", "err", err)
	}
	for _, name := range names {
		if g := l.tree.Group(name); g != nil && !keep[name] {
			l.end(restraint{group: g})
		}
	}
}

// clearGroups removes the control groups of all but the adopted workers.
func (s *Supervisor) clearGroups(records []pool.Worker) {
	keep := map[string]bool{}
	for _, r := range s.table.all() {
		r.read(func(r *runner) {
			for _, rec := range records {
				if r.workers[rec.Incarnation] != nil {
					keep[groupName(&rec)] = true
				}
			}
		})
	}
	s.limiter.clear(keep)
}

// close waits until the groups that were to be removed are, and removes the tree if
// no worker needs it.
func (l *limiter) close() {
	l.removals.Wait()
	if l.tree != nil {
		l.tree.Close()
	}
}

// rlimits returns the resource limits of a worker's process; zero is as inherited.
func (h *restraint) rlimits() pool.Rlimits {
	out := pool.Rlimits{NoFile: uint64(max(0, h.limits.NoFile))}
	if h.group == nil {
		out.Data = uint64(max(0, h.limits.Memory))
	}
	return out
}

// held returns how much of its memory limit the worker has used up, in the measure of
// what holds it.
func (h *restraint) held(pid int) pool.Size {
	if h.group == nil {
		return pool.Size(worker.HoldsData(pid))
	}
	m, err := h.group.Memory()
	if err != nil {
		return 0
	}
	return pool.Size(m.Current)
}

// use tells what is known of the worker's memory at its end.
func (h *restraint) use() worker.MemoryUse {
	if h.group == nil {
		return worker.MemoryUse{Limit: int64(h.limits.Memory)}
	}
	m, err := h.group.Memory()
	if err != nil {
		return worker.MemoryUse{Limit: int64(h.limits.Memory)}
	}
	return worker.MemoryUse{Limit: m.Limit, Peak: m.Peak, Counted: true, Kills: int(m.Kills)}
}

// restrain makes what holds a worker that is about to start. The directory is nil
// where it starts in no group; the caller closes it.
func (r *runner) restrain(w *workerEntry, l launch) (*os.File, error) {
	limits := r.limits // of the target also for a worker of a former launch hash
	if w.preflight != nil {
		limits = l.spec.Limits
	}
	held, dir, err := r.sup.limiter.begin(&w.rec, limits)
	w.restraint = held
	return dir, err
}

// relimit brings the workers of the pool to its limits. One that holds more than it
// would be allowed goes on under its former limit and is recycled: a lower limit
// ends no call. It runs in the pool loop, again and again: min_lifetime may keep a
// worker for a while.
func (r *runner) relimit() {
	for _, w := range r.workers {
		if w.preflight != nil || w.process == nil || w.restraint.limits == r.limits {
			continue
		}
		want := r.limits
		if held := w.restraint.held(w.rec.PID); want.Memory > 0 && held > want.Memory {
			want.Memory = w.restraint.limits.Memory
			reason := fmt.Sprintf("it holds %s, more than limits.memory (%s)", held.Short(), r.limits.Memory)
			r.send(happening{lifecycle.OverMemory{Worker: w.rec.Incarnation, Reason: reason}})
		}
		if err := w.limit(want); err != nil {
			r.log().Warn("cannot limit a worker", "worker", w.incarnation(), "err", err)
		}
	}
}

// limit changes the limits of a running worker. It runs in the pool loop.
func (w *workerEntry) limit(want pool.Limits) error {
	next := restraint{group: w.restraint.group, limits: want}
	if next.group != nil && want.Memory != w.restraint.limits.Memory {
		if err := next.group.LimitMemory(int64(want.Memory)); err != nil {
			return err
		}
	}
	rlimits := next.rlimits()
	if rlimits.NoFile == 0 {
		rlimits.NoFile = w.rec.Inherited.NoFile
	}
	if rlimits.Data == 0 {
		rlimits.Data = w.rec.Inherited.Data
	}
	if err := w.process.Limit(rlimits); err != nil {
		return err
	}
	w.restraint = next
	return nil
}
