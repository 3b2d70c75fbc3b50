package state

import (
	"cmp"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// Quarantine is the record of a place that gets no worker any more.
type Quarantine struct {
	Pool  string `json:"pool"`
	Place int    `json:"place"`
	// Message says why.
	Message string    `json:"message"`
	At      time.Time `json:"at"`
}

// override is the record of a size set by hand.
type override struct {
	Pool string `json:"pool"`
	pool.Override
}

// SetOverride records the size that somebody set for a pool by hand; nil forgets it.
func (s *Store) SetOverride(addr string, o *pool.Override) error {
	return s.update("record the size of "+addr, func(tx *bbolt.Tx) error {
		if o == nil {
			return remove(tx, bucketOverrides, addr)
		}
		return put(tx, bucketOverrides, addr, override{Pool: addr, Override: *o})
	})
}

// Overrides returns the sizes set by hand, by the pool's address.
func (s *Store) Overrides() (map[string]pool.Override, error) {
	var out map[string]pool.Override
	err := s.view("read the sizes set by hand", func(tx *bbolt.Tx) (err error) {
		out, err = readOverrides(tx)
		return err
	})
	return out, err
}

func readOverrides(tx *bbolt.Tx) (map[string]pool.Override, error) {
	records, err := list[override](tx, bucketOverrides)
	out := make(map[string]pool.Override, len(records))
	for _, r := range records {
		out[r.Pool] = r.Override
	}
	return out, err
}

// SetQuarantine records why a place gets no worker any more; nil lifts it. The
// record survives restarts of the supervisor.
func (s *Store) SetQuarantine(addr string, place int, message *string) error {
	key := pool.WorkerAddress(addr, place)
	return s.update("record the quarantine of "+key, func(tx *bbolt.Tx) error {
		if message == nil {
			return remove(tx, bucketPlaces, key)
		}
		return put(tx, bucketPlaces, key, Quarantine{Pool: addr, Place: place, Message: *message, At: s.opts.Now()})
	})
}

// Quarantined returns the quarantined places by pool and place.
func (s *Store) Quarantined() ([]Quarantine, error) {
	var out []Quarantine
	err := s.view("read the quarantined places", func(tx *bbolt.Tx) (err error) {
		out, err = readQuarantined(tx)
		return err
	})
	return out, err
}

func readQuarantined(tx *bbolt.Tx) ([]Quarantine, error) {
	out, err := list[Quarantine](tx, bucketPlaces)
	slices.SortFunc(out, func(a, b Quarantine) int {
		return cmp.Or(cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.Place, b.Place))
	})
	return out, err
}
