package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// ReadCopy returns what the store in dir holds without owning it: it reads a
// private copy, writes nothing to dir and need not be alone. A directory without
// a store gives an empty view of revision 0. When the file cannot be trusted the
// newest good backup is read instead and View.Notice says so.
func ReadCopy(dir string) (*View, error) { return readCopy(dir, readView) }

// ReadNamed is ReadCopy, and View.Named is set: which environments the workers and the
// kept revisions name.
func ReadNamed(dir string) (*View, error) {
	return readCopy(dir, func(tx *bbolt.Tx) (*View, error) {
		v, err := readView(tx)
		if err == nil {
			v.Named, err = readNamed(tx, v)
		}
		return v, err
	})
}

func readCopy(dir string, read reading) (*View, error) {
	private, err := os.MkdirTemp("", "snakectl-state-")
	if err != nil {
		return nil, fmt.Errorf("cannot copy the state: %w", err)
	}
	defer os.RemoveAll(private)
	id, err := readSidecar(dir)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return nil, err
	}
	v, reason := readOne(filepath.Join(dir, fileDB), filepath.Join(private, "db"), id, read)
	if reason == nil {
		return v, nil
	}
	if !errors.Is(reason, ErrDamaged) && !errors.Is(reason, errAbsent) {
		return nil, say("read "+filepath.Join(dir, fileDB), cause(reason))
	}
	return readBackup(dir, private, id, reason, read)
}

// readBackup reads the newest good backup because state.db could not be.
func readBackup(dir, private string, id *sidecar, reason error, read reading) (*View, error) {
	backups := findBackups(dir, id)
	for n, c := range backups {
		if c.format != nil {
			return nil, fmt.Errorf("cannot read the state: %w", c.format)
		}
		v, err := readOne(c.path, filepath.Join(private, fmt.Sprint("backup", n)), nil, read)
		if err != nil {
			continue
		}
		v.Notice = fmt.Sprintf("%v: this is revision %d, read from %s; the next supervisor restores it", reason, v.Revision, c.name)
		return v, nil
	}
	if errors.Is(reason, errAbsent) && id == nil {
		return &View{}, nil
	}
	v := &View{Notice: fmt.Sprintf("%v and no backup is good: the accepted revision is lost", reason)}
	if id != nil {
		v.Lineage = id.Lineage
	}
	return v, nil
}

// readOne reads a store through a copy. A supervisor may be writing meanwhile,
// and then the copy is torn: it is taken again a few times before it counts as
// damage.
func readOne(from, copy string, id *sidecar, read reading) (v *View, err error) {
	for range 3 {
		if v, err = readOnce(from, copy, id, read); !errors.Is(err, ErrDamaged) {
			break
		}
	}
	return v, err
}

func readOnce(from, copy string, id *sidecar, read reading) (*View, error) {
	if err := copyFile(copy, from); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errAbsent
		}
		return nil, err
	}
	head, err := inspect(copy)
	if err == nil {
		err = head.contradicts(id)
	}
	if err != nil {
		return nil, err
	}
	db, err := openDB(copy, true)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var v *View
	err = guard(func() error {
		return db.View(func(tx *bbolt.Tx) (err error) {
			v, err = read(tx)
			return err
		})
	})
	return v, err
}
