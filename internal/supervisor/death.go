package supervisor

import (
	"bytes"
	"log/slog"
	"strings"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

// bury takes a worker that is gone out of everything, tells how it ended and
// returns that, and the event for the machine. It runs in the pool loop.
func (r *runner) bury(w *workerEntry) (*pool.Death, lifecycle.Happened) {
	d, leaving := w.death(), w.leaving()
	reason, blame := w.exitReason(d), ""
	if !leaving {
		blame = r.blame(d)
	}
	w.slots.remove(w.lostCall(d, blame))
	r.sup.ledger.gone(w)
	r.sup.directory.remove(w)
	r.sup.closeLog(w.record(), reason)
	r.sup.sweeper.add(w.born())
	r.sup.limiter.end(w.restraint)
	delete(r.workers, w.rec.Incarnation)
	close(w.gone)
	if w.preflight == nil {
		r.sup.keeper.deleteWorker(w.rec)
	}
	if leaving {
		r.tellStopped(w, reason)
		r.log().Info("worker exited", "worker", w.incarnation(), "reason", reason)
	} else {
		r.vitals.reason = reason
		r.tellCrashed(w, d, reason, w.process.Exit().String())
		r.log().Warn("a worker died", "worker", w.incarnation(), "reason", reason, "death", deathAttrs(d))
		if w.preflight == nil {
			r.deaths[w.rec.Place] = d
		}
	}
	return d, lifecycle.Happened{
		Worker: w.rec.Incarnation, Event: pool.WorkerExit, Reason: reason, Kind: d.Summary(), DuringCall: d.Call != nil,
	}
}

// leaving reports whether the worker was to end: it drains, it was told to stop, or
// it was tried out and discarded.
func (w *workerEntry) leaving() bool {
	return w.state == pool.WorkerDraining || w.state == pool.WorkerStopping || w.preflight != nil && w.killed != ""
}

// death says all that is known of how the worker ended. Call it once, when the
// process has exited and before its slot is removed.
func (w *workerEntry) death() *pool.Death {
	c := worker.Circumstances{Killed: w.killed}
	if w.killed == "" && w.state == pool.WorkerStopping {
		c.Killed = "it was told to stop"
	}
	if said := w.said(); said != nil {
		c.Said = said.Error()
	}
	c.Memory = w.restraint.use()
	d := worker.Explain(w.process.Exit(), c)
	d.Worker, d.At = w.incarnation(), time.Now().UTC()
	d.LifetimeUS = w.ageUS()
	if calls := w.slots.executing(); len(calls) > 0 {
		d.Call, d.Others = &calls[0], calls[1:]
	}
	text, cut := w.runner.sup.logs.Last(w.logID(), worker.MaxWords)
	worker.LastWords(&d, bytes.Replace(text, []byte(w.dump.text()), nil, 1), cut)
	if d.Stack == "" {
		d.Stack = w.dump.stack
	}
	return &d
}

// exitReason says in one line how the worker ended.
func (w *workerEntry) exitReason(d *pool.Death) string {
	exit := w.process.Exit()
	if said := w.said(); said != nil {
		return said.Error()
	}
	if w.killed != "" {
		return w.killed + " and " + exit.String()
	}
	return d.Text
}

// lostCall is what the caller is told whose call the worker died with; blame is
// added to the hint.
func (w *workerEntry) lostCall(d *pool.Death, blame string) *pool.CallError {
	err := pool.NewCallError(pool.CategoryWorkerDied, "the worker %s while it executed the call", d.Text)
	if d.Class == pool.DeathKilled {
		err.Message = "the worker was killed: " + d.Reason
	}
	err.Started, err.Worker, err.Death = true, w.incarnation(), d
	err.Hint = strings.TrimPrefix(strings.TrimSuffix(d.Hint+"; "+blame, "; "), "; ")
	err.Exit, err.Stderr = w.process.Exit().String(), d.Stderr
	return err
}

// deathAttrs is a death as the log tells it.
func deathAttrs(d *pool.Death) slog.Value {
	attrs := []slog.Attr{
		slog.String("class", string(d.Class)), slog.Int("exit_code", d.ExitCode), slog.String("signal", d.Signal),
		slog.Bool("core_dumped", d.CoreDumped), slog.Int64("user_us", d.UserUS), slog.Int64("system_us", d.SystemUS),
		slog.Int64("peak_rss_bytes", d.PeakRSSBytes), slog.Int64("lifetime_us", d.LifetimeUS),
	}
	if d.Call != nil {
		attrs = append(attrs, slog.String("call", d.Call.ID), slog.String("command", d.Call.Command), slog.Int64("ran_us", d.Call.RanUS))
	}
	if len(d.Others) > 0 {
		attrs = append(attrs, slog.Int("other_calls", len(d.Others)))
	}
	if d.Hint != "" {
		attrs = append(attrs, slog.String("hint", d.Hint))
	}
	return slog.GroupValue(attrs...)
}
