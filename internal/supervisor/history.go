package supervisor

import (
	"errors"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

// History returns the kept revisions without their specs, newest first, at most limit
// of them; all when limit is 0.
func (s *Supervisor) History(limit int) ([]pool.RevisionHead, error) {
	heads := []pool.RevisionHead{}
	err := s.keeper.now(func(st store) (err error) {
		heads, err = st.Heads(0, limit)
		return err
	})
	return heads, err
}

// Revision returns one kept revision.
func (s *Supervisor) Revision(number uint64) (pool.Revision, error) {
	var rev pool.Revision
	err := s.keeper.now(func(st store) (err error) {
		rev, err = st.GetRevision(number)
		return err
	})
	if errors.Is(err, state.ErrNotFound) {
		return rev, noRevision(number)
	}
	return rev, err
}

func noRevision(number uint64) *pool.CallError {
	err := pool.NewCallError(pool.CategoryInvalidArgument, "revision %d is not kept", number)
	err.Hint = "see which are with: snakectl history"
	return err
}
