package state

import (
	"cmp"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// WorkerKey returns the key of a worker's record: pool.api/3@7f2c.
func WorkerKey(w pool.Worker) string { return pool.Incarnate(w.Address(), w.Incarnation) }

// ApplyWorkers writes and deletes records of workers in one transaction. del
// holds keys as WorkerKey makes them; a key without a record is no error. A
// worker that is in both is written.
func (s *Store) ApplyWorkers(put []pool.Worker, del []string) error {
	return s.update("record workers", func(tx *bbolt.Tx) error {
		t, err := tableOf(tx, bucketWorkers)
		if err != nil {
			return err
		}
		for _, key := range del {
			if err := t.delete(key); err != nil {
				return err
			}
		}
		for _, w := range put {
			if err := t.put(WorkerKey(w), w); err != nil {
				return err
			}
		}
		return nil
	})
}

// PutWorkers writes records of workers in one transaction.
func (s *Store) PutWorkers(workers []pool.Worker) error { return s.ApplyWorkers(workers, nil) }

// DeleteWorkers forgets workers in one transaction, by the keys of WorkerKey.
func (s *Store) DeleteWorkers(keys []string) error { return s.ApplyWorkers(nil, keys) }

// Workers returns the records of all workers by pool, place and incarnation.
func (s *Store) Workers() ([]pool.Worker, error) {
	var out []pool.Worker
	err := s.view("read the workers", func(tx *bbolt.Tx) (err error) {
		out, err = readWorkers(tx)
		return err
	})
	return out, err
}

func readWorkers(tx *bbolt.Tx) ([]pool.Worker, error) {
	out, err := list[pool.Worker](tx, bucketWorkers)
	slices.SortFunc(out, func(a, b pool.Worker) int {
		return cmp.Or(
			cmp.Compare(a.Pool, b.Pool),
			cmp.Compare(a.Place, b.Place),
			cmp.Compare(a.Incarnation, b.Incarnation),
		)
	})
	return out, err
}
