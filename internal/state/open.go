package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// Open takes ownership of the store in dir and makes both if there are none.
//
// The Recovery is not nil when the store is not what was last written; it is
// returned by every Open until the next revision is accepted, so that a crash
// cannot hide it. The errors to expect are a *LockedError, a *FormatError and one
// about a directory that cannot be used; none of them changes a file.
func Open(dir string, opts Options) (*Store, *Recovery, error) {
	owner, err := own(dir, opts.Lock)
	if err != nil {
		return nil, nil, err
	}
	s := &Store{dir: dir, opts: opts.withDefaults(), owner: owner}
	news, err := s.start()
	if err != nil {
		if s.db != nil {
			_ = s.db.Close()
		}
		owner.release()
		return nil, nil, err
	}
	return s, news, nil
}

// start settles what state.db shall be, opens it and reads what is kept in memory.
func (s *Store) start() (*Recovery, error) {
	if err := s.settle(); err != nil {
		return nil, err
	}
	db, err := openDB(s.path(), false)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", s.path(), err)
	}
	s.db = db
	var news *Recovery
	err = s.view("read the state", func(tx *bbolt.Tx) error {
		var r Recovery
		found, err := lookup(tx, bucketMeta, keyRecovery, &r)
		if found {
			news = &r
		}
		return err
	})
	if err == nil {
		err = s.sign()
	}
	if err == nil {
		err = s.loadCurrent()
	}
	return news, err
}

// sign leaves the release's name in the file, for a FormatError of an older one,
// and brings the sidecar up to date.
func (s *Store) sign() error {
	var id identity
	var f formatRecord
	err := s.view("read the state", func(tx *bbolt.Tx) error {
		return errors.Join(need(tx, bucketMeta, keyIdentity, &id), need(tx, bucketMeta, keyFormat, &f))
	})
	if err != nil {
		return err
	}
	s.lineage, s.serial = id.Lineage, id.Serial
	if f.Version != s.opts.Version {
		f.Version = s.opts.Version
		err := s.update("sign the state", func(tx *bbolt.Tx) error { return put(tx, bucketMeta, keyFormat, f) })
		if err != nil {
			return err
		}
	}
	want := sidecar{Lineage: id.Lineage, Serial: id.Serial}
	if have, err := readSidecar(s.dir); err == nil && have != nil && *have == want {
		return nil
	}
	return say("write "+fileSidecar, writeSidecar(s.dir, want))
}

func (s *Store) path() string { return filepath.Join(s.dir, fileDB) }

// openDB opens a file that inspect has found sound.
func openDB(path string, readOnly bool) (db *bbolt.DB, err error) {
	err = guard(func() (err error) {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: readOnly, PreLoadFreelist: true, Timeout: time.Second})
		return err
	})
	return db, err
}

// create makes a new file at path from nothing, and fills it in one transaction.
func create(path, version string, id identity, fill func(tx *bbolt.Tx) error) error {
	temp := path + ".tmp"
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	db, err := openDB(temp, false)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if err := initialise(tx, id, version); err != nil {
			return err
		}
		return fill(tx)
	})
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return install(temp, path)
}

// install renames a complete, synced file to its place.
func install(temp, path string) error {
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
