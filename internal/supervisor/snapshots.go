package supervisor

// pruneCode removes the code snapshots that neither a kept revision nor a worker
// names. It runs in the keeper as the last part of an operation, so that neither a
// new revision nor the copies of the next apply come between.
func (s *Supervisor) pruneCode(st store) error {
	revisions, err := st.History(0)
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, rev := range revisions {
		for _, p := range rev.Desired.Pools {
			keep[p.Snapshot.Hash] = true
		}
	}
	workers, err := st.Workers()
	if err != nil {
		return err
	}
	for _, w := range workers {
		keep[w.Spec.Snapshot.Hash] = true
	}
	_, err = s.code.GC(keep)
	return err
}
