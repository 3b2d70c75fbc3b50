package state

import (
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// Acceptance is a spec that is to become the accepted one, with the operation
// that carries it out.
type Acceptance struct {
	// Base is the revision that the spec was planned against.
	Base    uint64
	Desired pool.Desired
	// By says who applies: user@host. Message is their own text.
	By, Message string
	// Git is where the configuration was read from, nil when it was in no repository.
	Git *pool.Git
	// At is when; the store's clock when zero.
	At time.Time
	// Op is the operation's id and Steps its journal, in order.
	Op    string
	Steps []Step
	// Touched lists the addresses that change.
	Touched []string
}

// pointer is the record accepted/current.
type pointer struct {
	Revision uint64 `json:"revision"`
}

const keyCurrent = "current"

func revisionKey(number uint64) string { return fmt.Sprintf("%020d", number) }

// Accept makes a spec the accepted one: it writes the next revision, in progress,
// takes back the sizes that were set by hand for the pools it touches,
// and the operation's journal. It returns a *ConflictError when the accepted
// revision is not a.Base. Numbers are never given twice in a lineage, also not
// after a revision was lost to damage.
func (s *Store) Accept(a Acceptance) (pool.Revision, error) {
	if a.At.IsZero() {
		a.At = s.opts.Now()
	}
	rev := pool.Revision{
		Desired: a.Desired, Status: pool.RevisionInProgress,
		By: a.By, At: a.At, Message: a.Message, Git: a.Git, Touched: a.Touched,
	}
	err := s.update("accept a revision", func(tx *bbolt.Tx) error {
		if c := s.current.Load(); c.number != a.Base {
			return &ConflictError{Base: a.Base, Current: c.number, By: c.by, At: c.at}
		}
		serial, err := nextSerial(tx)
		if err != nil {
			return err
		}
		rev.Number = serial
		op := Operation{ID: a.Op, Revision: serial, By: a.By, At: a.At, Steps: a.Steps, Status: OperationRunning}
		return s.writeRevision(tx, rev, op)
	})
	if conflict, ok := errors.AsType[*ConflictError](err); ok {
		return pool.Revision{}, conflict
	}
	if err != nil {
		return pool.Revision{}, err
	}
	return rev, s.took(rev)
}

// took takes up a revision that was just written.
func (s *Store) took(rev pool.Revision) error {
	s.serial = rev.Number
	if err := s.loadCurrent(); err != nil {
		return err
	}
	if err := writeSidecar(s.dir, sidecar{Lineage: s.lineage, Serial: s.serial}); err != nil {
		s.opts.Log.Warn("cannot write the state's sidecar", "file", fileSidecar, "err", err)
	}
	s.publish(rev)
	return nil
}

func (s *Store) writeRevision(tx *bbolt.Tx, rev pool.Revision, op Operation) error {
	if err := put(tx, bucketRevisions, revisionKey(rev.Number), rev); err != nil {
		return err
	}
	if err := put(tx, bucketAccepted, keyCurrent, pointer{Revision: rev.Number}); err != nil {
		return err
	}
	for _, addr := range rev.Touched { // an apply takes overrides back
		if err := remove(tx, bucketOverrides, addr); err != nil {
			return err
		}
	}
	if op.ID != "" {
		if err := put(tx, bucketOps, op.ID, op); err != nil {
			return err
		}
	}
	keep := s.opts.HistoryKeep
	if n := rev.Desired.Settings.HistoryKeep; n > 0 {
		keep = n
	}
	return prune(tx, keep)
}

// publish writes what stands beside state.db: a backup and the copy for people.
// The transaction has happened already, so trouble here is only logged: an old
// backup is better than none.
func (s *Store) publish(rev pool.Revision) {
	if err := s.backup(); err != nil {
		s.opts.Log.Warn("cannot back up the state", "revision", rev.Number, "err", err)
	}
	if err := writeAccepted(s.dir, rev); err != nil {
		s.opts.Log.Warn("cannot write the accepted spec for people", "file", fileAccepted, "err", err)
	}
}

// FinishRevision records how far a revision came and, when op is not empty, ends
// that operation with its outcome. A backup follows.
func (s *Store) FinishRevision(number uint64, status pool.RevisionStatus, op string, outcome pool.Outcome) error {
	var rev pool.Revision
	err := s.update(fmt.Sprintf("finish revision %d", number), func(tx *bbolt.Tx) error {
		if err := need(tx, bucketRevisions, revisionKey(number), &rev); err != nil {
			return err
		}
		rev.Status = status
		if err := put(tx, bucketRevisions, revisionKey(number), rev); err != nil {
			return err
		}
		if op == "" {
			return nil
		}
		return finishOperation(tx, op, outcome)
	})
	if err != nil {
		return err
	}
	if number == s.Revision() {
		s.publish(rev)
	}
	return nil
}

// History returns the kept revisions, newest first, at most limit of them; all
// when limit is 0.
func (s *Store) History(limit int) ([]pool.Revision, error) {
	var out []pool.Revision
	err := s.view("read the history", func(tx *bbolt.Tx) error {
		t, err := tableOf(tx, bucketRevisions)
		if err != nil {
			return err
		}
		if limit <= 0 {
			limit = t.len()
		}
		out, err = newest[pool.Revision](t, limit)
		return err
	})
	return out, err
}

// GetRevision returns one revision. An error that wraps ErrNotFound says that it
// never existed or is not kept any more.
func (s *Store) GetRevision(number uint64) (pool.Revision, error) {
	var rev pool.Revision
	err := s.view(fmt.Sprintf("read revision %d", number), func(tx *bbolt.Tx) error {
		return need(tx, bucketRevisions, revisionKey(number), &rev)
	})
	return rev, err
}

// loadCurrent reads the accepted revision back from the file, so that what is
// served is what a restart would serve.
func (s *Store) loadCurrent() error {
	c := &current{}
	err := s.view("read the accepted revision", func(tx *bbolt.Tx) error {
		rev, err := acceptedRevision(tx)
		if err != nil || rev == nil {
			return err
		}
		*c = current{number: rev.Number, desired: &rev.Desired, by: rev.By, at: rev.At}
		return nil
	})
	if err == nil {
		s.current.Store(c)
	}
	return err
}

// acceptedRevision returns nil when nothing is accepted.
func acceptedRevision(tx *bbolt.Tx) (*pool.Revision, error) {
	var p pointer
	found, err := lookup(tx, bucketAccepted, keyCurrent, &p)
	if err != nil || !found {
		return nil, err
	}
	var rev pool.Revision
	if err := need(tx, bucketRevisions, revisionKey(p.Revision), &rev); err != nil {
		return nil, err
	}
	return &rev, nil
}
