// Package state keeps what a supervisor must not forget: the accepted spec, its
// history, the journal of operations, the records of workers, sizes set by hand
// and quarantined places. One instance directory holds one store, the bbolt file
// state.db, and one process owns it at a time.
//
// Every method that writes is one transaction: it is on disk as a whole when the
// method returns, or not at all. Calls, counters and whatever else changes by the
// second are not kept here.
//
// The file is distrusted. Open proves every page and every record before bbolt
// may touch them, compares the file with its sidecar state.id, and brings back
// the newest good backup when the file is damaged or too old. What could not be
// brought back is told in a Recovery; the store never starts empty in silence.
//
//	store, recovery, err := state.Open(dir, state.Options{Version: "1.2.0"})
//	if err != nil {
//		return err // a *LockedError names the process that owns the store
//	}
//	defer store.Close()
//	if recovery != nil {
//		log.Warn("state recovered", "message", recovery.Message)
//	}
//
// ReadCopy reads a store without owning it.
package state
