package supervisor

import (
	"errors"

	"github.com/snakectl/snakectl/internal/pool"
)

// ending returns what an operation comes to, and its revision.
func (a *application) ending() (pool.RevisionStatus, string) {
	missed := len(a.out.Failed) + len(a.out.NotAttempted)
	switch {
	case a.op.stop.Err() != nil && missed > 0:
		return pool.RevisionPartial, pool.ResultInterrupted
	case len(a.out.Failed) > 0 && len(a.out.Done)+len(a.out.Reverted) == 0:
		return pool.RevisionFailed, pool.ResultMixed
	case len(a.out.Failed) > 0:
		return pool.RevisionPartial, pool.ResultMixed
	case len(a.out.Reverted) > 0 && missed > 0:
		return pool.RevisionPartial, pool.ResultReverted
	case len(a.out.Reverted) > 0:
		return pool.RevisionStable, pool.ResultReverted // of the revision that follows
	}
	return pool.RevisionStable, pool.ResultConverged
}

// finish ends the revision with what became of it. Where pools were reverted, another
// one follows that says what they run.
func (a *application) finish() pool.Outcome {
	status, result := a.ending()
	a.out.Result = result
	out := a.out
	var next pool.Revision
	err := a.sup.keeper.now(func(st store) (err error) {
		if len(a.reverts) == 0 {
			return st.FinishRevision(a.revision, status, a.journal, out)
		}
		next, err = st.Supersede(a.supersede(status))
		return err
	})
	if err != nil && !errors.Is(err, errStopping) {
		a.sup.log.Error("cannot finish a revision", "revision", a.revision, "err", err)
	}
	if next.Number > 0 {
		out.Revision = next.Number
		a.sup.accepted(next.Number, next.Desired)
	}
	if err := a.sup.keeper.now(a.sup.pruneCode); err != nil && !errors.Is(err, errStopping) {
		a.sup.log.Warn("cannot remove old code snapshots", "err", err)
	}
	return out
}
