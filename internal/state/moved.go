package state

import (
	"strings"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// MovePool records under the address to what is remembered of the pool at from
// beside its workers: quarantined places, a size set by hand, pauses.
func (s *Store) MovePool(from, to string) error {
	return s.update("move "+from, func(tx *bbolt.Tx) error {
		places, err := readQuarantined(tx)
		if err != nil {
			return err
		}
		for _, q := range places {
			if q.Pool != from {
				continue
			}
			if err := remove(tx, bucketPlaces, pool.WorkerAddress(from, q.Place)); err != nil {
				return err
			}
			q.Pool = to
			if err := put(tx, bucketPlaces, pool.WorkerAddress(to, q.Place), q); err != nil {
				return err
			}
		}
		var o override
		if found, err := lookup(tx, bucketOverrides, from, &o); err != nil {
			return err
		} else if found {
			o.Pool = to
			if err := put(tx, bucketOverrides, to, o); err != nil {
				return err
			}
			if err := remove(tx, bucketOverrides, from); err != nil {
				return err
			}
		}
		return movePauses(tx, from, to)
	})
}

func movePauses(tx *bbolt.Tx, from, to string) error {
	all, err := readPauses(tx)
	if err != nil || len(all) == 0 {
		return err
	}
	for addr, pause := range all {
		if rest, ok := strings.CutPrefix(addr, from); ok && (rest == "" || rest[0] == '/') {
			delete(all, addr)
			all[to+rest] = pause
		}
	}
	return put(tx, bucketMeta, keyPauses, all)
}
