package state

import (
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// Supersession ends a revision of which pools were reverted, and accepts the one that
// says what runs since.
type Supersession struct {
	// Number is the revision that was reverted, and Op the operation that ends with it.
	Number  uint64
	Op      string
	Outcome pool.Outcome
	// Desired, Message and Status are those of the new revision.
	Desired     pool.Desired
	Message, By string
	Status      pool.RevisionStatus
}

// Supersede writes a supersession in one transaction: whatever happens afterwards,
// nobody starts the reverted code again. A backup follows.
func (s *Store) Supersede(v Supersession) (pool.Revision, error) {
	next := pool.Revision{Desired: v.Desired, Status: v.Status, By: v.By, At: s.opts.Now(), Message: v.Message, Touched: v.Outcome.Reverted}
	err := s.update(fmt.Sprintf("revert revision %d", v.Number), func(tx *bbolt.Tx) error {
		var failed pool.Revision
		if err := need(tx, bucketRevisions, revisionKey(v.Number), &failed); err != nil {
			return err
		}
		failed.Status = pool.RevisionReverted
		if err := put(tx, bucketRevisions, revisionKey(v.Number), failed); err != nil {
			return err
		}
		serial, err := nextSerial(tx)
		if err != nil {
			return err
		}
		next.Number, v.Outcome.Revision = serial, serial
		if err := finishOperation(tx, v.Op, v.Outcome); err != nil {
			return err
		}
		return s.writeRevision(tx, next, Operation{})
	})
	if err != nil {
		return pool.Revision{}, err
	}
	return next, s.took(next)
}

// SetPhase records where the rollout of an operation's step is, so that a later
// supervisor goes on from there.
func (s *Store) SetPhase(op, addr string, phase pool.RolloutPhase, reason string) error {
	return s.updateStep(op, addr, func(step *Step) { step.Phase, step.Reason = phase, reason })
}
