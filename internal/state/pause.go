package state

import (
	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// keyPauses is the record of the bucket meta that holds all pauses.
const keyPauses = "pauses"

// SetPause records that a pool or a place, by its address, takes no new calls; nil
// ends that. The record survives restarts of the supervisor.
func (s *Store) SetPause(addr string, p *pool.Pause) error {
	return s.update("record the pause of "+addr, func(tx *bbolt.Tx) error {
		all, err := readPauses(tx)
		if err != nil {
			return err
		}
		if p == nil {
			delete(all, addr)
		} else {
			all[addr] = *p
		}
		if len(all) == 0 {
			return remove(tx, bucketMeta, keyPauses)
		}
		return put(tx, bucketMeta, keyPauses, all)
	})
}

// Pauses returns who paused what, by the address of the pool or the place.
func (s *Store) Pauses() (map[string]pool.Pause, error) {
	var out map[string]pool.Pause
	err := s.view("read the pauses", func(tx *bbolt.Tx) (err error) {
		out, err = readPauses(tx)
		return err
	})
	return out, err
}

func readPauses(tx *bbolt.Tx) (map[string]pool.Pause, error) {
	all := map[string]pool.Pause{}
	_, err := lookup(tx, bucketMeta, keyPauses, &all)
	return all, err
}
