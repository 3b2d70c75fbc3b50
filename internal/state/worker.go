package state

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// launch is what a worker was launched with. It names every file of an adapter's
// code and is the same for all workers of a pool, so it is stored once, under
// the hash of its content.
type launch struct {
	Spec    pool.Pool    `json:"spec"`
	Runtime pool.Runtime `json:"runtime"`
}

// workerRecord is a worker without its launch: Spec and Runtime are zero.
type workerRecord struct {
	pool.Worker
	Launch string `json:"launch"`
	// Spec and Runtime hide those of Worker from the encoding.
	Spec    *struct{} `json:"spec,omitempty"`
	Runtime *struct{} `json:"runtime,omitempty"`
}

// WorkerKey returns the key of a worker's record: pool.api/3@7f2c.
func WorkerKey(w pool.Worker) string { return pool.Incarnate(w.Address(), w.Incarnation) }

// ApplyWorkers writes and deletes records of workers in one transaction. del
// holds keys as WorkerKey makes them; a key without a record is no error. A
// worker that is in both is written.
func (s *Store) ApplyWorkers(put []pool.Worker, del []string) error {
	return s.update("record workers", func(tx *bbolt.Tx) error {
		book, err := openRegister(tx)
		if err != nil {
			return err
		}
		for _, key := range del {
			if err := book.delete(key); err != nil {
				return err
			}
		}
		if len(del) > 0 {
			if err := s.noteForgotten(tx); err != nil {
				return err
			}
		}
		for _, w := range put {
			if err := book.put(w); err != nil {
				return err
			}
		}
		return book.sweep()
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

// register is the two tables that hold the workers, inside a transaction. It knows
// which launches lost a worker that named them: looking for those that nobody names
// reads every record, which starting a worker must not pay for.
type register struct {
	workers, launches table
	released          map[string]bool
}

// launchName is what register reads of a worker's record.
type launchName struct {
	Launch string `json:"launch"`
}

func openRegister(tx *bbolt.Tx) (*register, error) {
	workers, err := tableOf(tx, bucketWorkers)
	if err != nil {
		return nil, err
	}
	launches, err := tableOf(tx, bucketLaunches)
	return &register{workers: workers, launches: launches, released: map[string]bool{}}, err
}

func (r *register) put(w pool.Worker) error {
	text, err := json.Marshal(launch{Spec: w.Spec, Runtime: w.Runtime})
	if err != nil {
		return fmt.Errorf("cannot encode the launch of %s: %w", w.Address(), err)
	}
	sum := sha256.Sum256(text)
	name, key := hex.EncodeToString(sum[:]), WorkerKey(w)
	if err := r.release(key); err != nil {
		return err
	}
	delete(r.released, name)
	if !r.launches.has(name) {
		if err := r.launches.put(name, json.RawMessage(text)); err != nil {
			return err
		}
	}
	return r.workers.put(key, workerRecord{Worker: w, Launch: name})
}

func (r *register) delete(key string) error {
	if err := r.release(key); err != nil {
		return err
	}
	return r.workers.delete(key)
}

// release notes which launch the record at key names, if there is one.
func (r *register) release(key string) error {
	var before launchName
	found, err := r.workers.get(key, &before)
	if found && err == nil {
		r.released[before.Launch] = true
	}
	return err
}

// sweep forgets the released launches that no worker names any more.
func (r *register) sweep() error {
	if len(r.released) == 0 || r.launches.len() < 2 && r.workers.len() > 0 {
		return nil // the only launch is the one that all of them name
	}
	names, err := all[launchName](r.workers)
	if err != nil {
		return err
	}
	for _, n := range names {
		delete(r.released, n.Launch)
	}
	for name := range r.released {
		if err := r.launches.delete(name); err != nil {
			return err
		}
	}
	return nil
}

func readWorkers(tx *bbolt.Tx) ([]pool.Worker, error) {
	records, err := list[workerRecord](tx, bucketWorkers)
	if err != nil {
		return nil, err
	}
	// Each worker gets its own copy: the maps of a spec are not shared.
	out := make([]pool.Worker, 0, len(records))
	for _, r := range records {
		var l launch
		if err := need(tx, bucketLaunches, r.Launch, &l); err != nil {
			return nil, fmt.Errorf("launch of %s: %w", WorkerKey(r.Worker), err)
		}
		r.Worker.Spec, r.Worker.Runtime = l.Spec, l.Runtime
		out = append(out, r.Worker)
	}
	slices.SortFunc(out, func(a, b pool.Worker) int {
		return cmp.Or(
			cmp.Compare(a.Pool, b.Pool),
			cmp.Compare(a.Place, b.Place),
			cmp.Compare(a.Incarnation, b.Incarnation),
		)
	})
	return out, nil
}
