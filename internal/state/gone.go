package state

import "go.etcd.io/bbolt"

// keyGone is the record of the bucket meta that tells when a worker was last
// forgotten.
const keyGone = "gone"

// Moment is a reading of the monotonic clock, which means something during one boot.
type Moment struct {
	BootID string `json:"boot_id"`
	NS     int64  `json:"ns"`
}

// LastForgotten returns when the record of a worker was last deleted, the zero Moment
// when none ever was. What that worker executed nobody can tell any more.
func (s *Store) LastForgotten() (Moment, error) {
	var at Moment
	err := s.view("read when a worker was last forgotten", func(tx *bbolt.Tx) error {
		_, err := lookup(tx, bucketMeta, keyGone, &at)
		return err
	})
	return at, err
}

func (s *Store) noteForgotten(tx *bbolt.Tx) error {
	if s.opts.Clock == nil {
		return nil
	}
	return put(tx, bucketMeta, keyGone, s.opts.Clock())
}
