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
func (s *Store) backup() error {
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
	if s.backedUp != s.serial {
		if err := s.rotate(); err != nil {
			return err
		}
	}
	s.backedUp = s.serial
	return os.Rename(temp, filepath.Join(s.dir, backupName(1)))
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

// candidate is a backup that may be restored, or one of a newer format.
type candidate struct {
	name, path string
	head       summary
	format     *FormatError
}

// newer returns the format when it is one that this release cannot read. Such a
// backup comes before all others: to restore an older one would lose what the
// newer release wrote.
func (c candidate) newer() int {
	if c.format == nil {
		return 0
	}
	return c.format.Format
}

// findBackups returns the good backups of the sidecar's lineage, newest first, or
// of any lineage when there is no sidecar to say it. state.db itself comes last:
// sound but too old, it is better than nothing.
func findBackups(dir string, id *sidecar) []candidate {
	var out []candidate
	for n := 1; n <= backupKeep+1; n++ {
		name := backupName(n)
		if n > backupKeep {
			name = fileDB
		}
		c := candidate{name: name, path: filepath.Join(dir, name)}
		head, err := inspect(c.path)
		if !errors.As(err, &c.format) && (err != nil || (id != nil && head.lineage != id.Lineage)) {
			continue
		}
		c.head = head
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.newer(), a.newer()), cmp.Compare(b.head.serial, a.head.serial))
	})
	return out
}
