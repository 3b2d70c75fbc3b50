package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

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

// SetUnrecorded notes that workers may live of which there is no record yet, or that
// there are none any more. It is a file that nobody syncs: it has to outlive the process
// and not the machine, whose workers end with it.
func (s *Store) SetUnrecorded(on bool) error {
	path := filepath.Join(s.dir, fileUnrecorded)
	if on {
		return os.WriteFile(path, nil, 0o600)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ForgetUnrecorded takes up that the owner before ended while workers were not
// recorded: what they executed nobody can tell, as of those that were deleted.
func (s *Store) ForgetUnrecorded() error {
	_, err := os.Lstat(filepath.Join(s.dir, fileUnrecorded))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot tell whether every worker was recorded: %w", err)
	}
	if err := s.update("note that a worker was not recorded", s.noteForgotten); err != nil {
		return err
	}
	return s.SetUnrecorded(false)
}
