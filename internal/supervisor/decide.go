package supervisor

import (
	"context"
	"fmt"
	"strings"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// Plan returns what applying a configuration would change now, and what it was
// compared with. An error says which of the options cannot be obeyed.
func (s *Supervisor) Plan(_ context.Context, desired pool.Desired, opts planner.Options) (planner.Plan, pool.Observed, error) {
	observed := s.Observe()
	resolved, err := planner.Resolve(desired, observed, opts)
	if err != nil {
		return planner.Plan{}, observed, err
	}
	return planner.Decide(resolved, observed, opts), observed, nil
}

// decide makes the plan of this moment and holds it against the approved one. It
// returns the outcome of an apply that is refused: nothing has changed then.
func (a *application) decide(observed pool.Observed) *pool.Outcome {
	refuse := func(format string, args ...any) *pool.Outcome {
		return &pool.Outcome{Result: pool.ResultStale, Revision: observed.Revision, Message: fmt.Sprintf(format, args...)}
	}
	approved := a.req.Approved
	if approved != nil && approved.Lineage != "" && approved.Lineage != observed.Lineage {
		return refuse("the plan was made for another instance: plan again")
	}
	if want := a.req.ExpectRevision; want != nil && *want != observed.Revision {
		return refuse("revision %d was expected and the accepted one is %d%s", *want, observed.Revision, a.appliedBy(observed.Revision))
	}
	var err error
	if a.desired, err = planner.Resolve(a.req.Desired, observed, a.req.Options); err != nil {
		return refuse("the plan cannot be made any more: %v", err)
	}
	if approved == nil {
		a.plan = planner.Decide(a.desired, observed, a.req.Options)
		return nil
	}
	if approved.BaseRevision != observed.Revision {
		if changed := a.changedSince(observed); len(changed) > 0 {
			return refuse("the approved plan is stale, plan again: %s", strings.Join(changed, "; "))
		}
		if a.desired, err = planner.Rebase(a.desired, observed, *approved); err != nil {
			return refuse("the approved plan is stale, plan again: %v", err)
		}
	}
	a.plan = planner.Within(planner.Decide(a.desired, observed, a.req.Options), *approved)
	if more := planner.Exceeds(a.plan, *approved); len(more) > 0 {
		return refuse("the approved plan is stale, plan again: %s", strings.Join(more, "; "))
	}
	return nil
}

// changedSince says who has changed what the approved plan changes, since it was made.
func (a *application) changedSince(observed pool.Observed) []string {
	base := a.req.Approved.BaseRevision
	if base > observed.Revision {
		return []string{fmt.Sprintf("it was made for revision %d, and the accepted one is %d", base, observed.Revision)}
	}
	var later []pool.RevisionHead
	err := a.sup.keeper.now(func(st store) (err error) {
		later, err = st.Heads(base, 0)
		return err
	})
	switch {
	case err != nil:
		return []string{err.Error()}
	case uint64(len(later)) < observed.Revision-base:
		return []string{fmt.Sprintf("it was made for revision %d, and what came after it is no longer kept", base)}
	}
	return planner.ChangedSince(*a.req.Approved, later)
}

// appliedBy says who applied a revision, "" when that is not known.
func (a *application) appliedBy(number uint64) string {
	var rev pool.Revision
	err := a.sup.keeper.now(func(st store) (err error) {
		rev, err = st.GetRevision(number)
		return err
	})
	if err != nil || number == 0 {
		return ""
	}
	head := rev.Head()
	return ", applied by " + planner.Applied(head)
}
