package state

import (
	"slices"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// prune forgets revisions beyond the newest keep ones, and the operations that
// belong to them. Whatever keep says, these stay: the accepted revision, the
// newest stable one and those that a worker's record names.
func prune(tx *bbolt.Tx, keep int) error {
	revisions, err := list[pool.Revision](tx, bucketRevisions)
	if err != nil {
		return err
	}
	if len(revisions) <= keep {
		return pruneOperations(tx, revisions, keep)
	}
	needed, err := revisionsInUse(tx)
	if err != nil {
		return err
	}
	for i := len(revisions) - 1; i >= 0; i-- {
		if revisions[i].Status == pool.RevisionStable {
			needed[revisions[i].Number] = true
			break
		}
	}
	oldest := len(revisions) - keep
	kept := revisions[oldest:]
	for _, rev := range revisions[:oldest] {
		if needed[rev.Number] {
			kept = append(kept, rev)
			continue
		}
		if err := remove(tx, bucketRevisions, revisionKey(rev.Number)); err != nil {
			return err
		}
	}
	return pruneOperations(tx, kept, keep)
}

// revisionsInUse returns the numbers that worker records name.
func revisionsInUse(tx *bbolt.Tx) (map[uint64]bool, error) {
	// Only the number is decoded: a worker's record carries a whole spec.
	workers, err := list[struct {
		Revision uint64 `json:"revision"`
	}](tx, bucketWorkers)
	used := map[uint64]bool{}
	for _, w := range workers {
		used[w.Revision] = true
	}
	return used, err
}

// pruneOperations forgets finished operations of forgotten revisions and, of
// those that made no revision, all but the newest keep.
func pruneOperations(tx *bbolt.Tx, revisions []pool.Revision, keep int) error {
	ops, err := list[Operation](tx, bucketOps)
	if err != nil {
		return err
	}
	slices.SortStableFunc(ops, func(a, b Operation) int { return b.At.Compare(a.At) })
	kept := map[uint64]bool{}
	for _, rev := range revisions {
		kept[rev.Number] = true
	}
	without := 0
	for _, op := range ops {
		switch {
		case op.Status == OperationRunning || kept[op.Revision]:
			continue
		case op.Revision == 0 && without < keep:
			without++
			continue
		}
		if err := remove(tx, bucketOps, op.ID); err != nil {
			return err
		}
	}
	return nil
}
