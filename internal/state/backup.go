package state

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"
)

// backupKeep is how many revisions' backups are kept: state.db.bak.1, the
// newest, to state.db.bak.5.
const backupKeep = 5

func backupName(n int) string { return fmt.Sprintf("%s.bak.%d", fileDB, n) }

// backup writes a verified copy of the store as state.db.bak.1. The older ones
// move up when the copy holds another revision than state.db.bak.1 does.
func (s *Store) backup(serial uint64) error {
	temp := filepath.Join(s.dir, fileDB+".bak.tmp")
	err := s.view("copy the state", func(tx *bbolt.Tx) error { return tx.CopyFile(temp, 0o600) })
	if err == nil {
		err = syncFile(temp)
	}
	if err == nil {
		_, err = inspect(temp)
	}
	if err != nil {
		_ = os.Remove(temp)
		return err
	}
	if s.backedUp != serial {
		if err := s.rotate(); err != nil {
			return err
		}
	}
	s.backedUp = serial
	return install(temp, filepath.Join(s.dir, backupName(1)))
}

// rotate makes room for state.db.bak.1. A crash between two renames leaves a gap
// in the numbers, which the next rotation closes.
func (s *Store) rotate() error {
	for n := backupKeep - 1; n >= 1; n-- {
		err := os.Rename(filepath.Join(s.dir, backupName(n)), filepath.Join(s.dir, backupName(n+1)))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// candidate is a backup that may be restored, or one of a newer format, which
// forbids to restore anything.
type candidate struct {
	name, path string
	head       summary
	format     *FormatError
}

// candidates returns the good backups of the lineage, newest first; of any one
// lineage when the sidecar says nothing.
func (s *Store) candidates(id *sidecar) []candidate { return findBackups(s.dir, id) }

func findBackups(dir string, id *sidecar) []candidate {
	var out []candidate
	for n := 1; n <= backupKeep; n++ {
		c := candidate{name: backupName(n), path: filepath.Join(dir, backupName(n))}
		head, err := inspect(c.path)
		if !errors.As(err, &c.format) && (err != nil || (id != nil && head.lineage != id.Lineage)) {
			continue
		}
		c.head = head
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b candidate) int { return cmp.Compare(b.head.serial, a.head.serial) })
	return out
}
