package state

import (
	"slices"
	"strconv"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// prune forgets revisions beyond the newest keep ones, and the operations that
// belong to them. Whatever keep says, these stay: the accepted revision, the
// newest stable one and those that a worker's record names.
func prune(tx *bbolt.Tx, keep int) error {
	revisions, err := tableOf(tx, bucketRevisions)
	if err != nil {
		return err
	}
	ops, err := tableOf(tx, bucketOps)
	if err != nil {
		return err
	}
	if revisions.len() <= keep && ops.len() <= 2*keep {
		return nil // the usual case decodes nothing
	}
	kept := map[uint64]bool{}
	if err := newestStable(revisions, kept); err != nil {
		return err
	}
	if err := revisionsInUse(tx, kept); err != nil {
		return err
	}
	keys := revisions.keys()
	for i, key := range keys {
		number, err := strconv.ParseUint(key, 10, 64)
		if err != nil {
			return damaged("the revision %q has no number", key)
		}
		if i >= len(keys)-keep {
			kept[number] = true
		}
		if !kept[number] {
			if err := revisions.delete(key); err != nil {
				return err
			}
		}
	}
	return pruneOperations(ops, kept, keep)
}

// newestStable adds the number of the newest stable revision to kept. It is
// nearly always one of the last two.
func newestStable(revisions table, kept map[uint64]bool) error {
	c := revisions.bucket.Cursor()
	for key, raw := c.Last(); key != nil; key, raw = c.Prev() {
		var rev struct {
			Number uint64              `json:"number"`
			Status pool.RevisionStatus `json:"status"`
		}
		if err := decode(revisions.name, string(key), raw, &rev); err != nil {
			return err
		}
		if rev.Status == pool.RevisionStable {
			kept[rev.Number] = true
			return nil
		}
	}
	return nil
}

// revisionsInUse adds the numbers that worker records name to kept.
func revisionsInUse(tx *bbolt.Tx, kept map[uint64]bool) error {
	records, err := list[workerRecord](tx, bucketWorkers)
	for _, r := range records {
		kept[r.Revision] = true
	}
	return err
}

// pruneOperations forgets finished operations of forgotten revisions and, of
// those that made no revision, all but the newest keep.
func pruneOperations(t table, kept map[uint64]bool, keep int) error {
	ops, err := all[Operation](t)
	if err != nil {
		return err
	}
	slices.SortStableFunc(ops, func(a, b Operation) int { return b.At.Compare(a.At) })
	without := 0
	for _, op := range ops {
		switch {
		case op.Status == OperationRunning || kept[op.Revision]:
			continue
		case op.Revision == 0 && without < keep:
			without++
			continue
		}
		if err := t.delete(op.ID); err != nil {
			return err
		}
	}
	return nil
}
