package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// Recovery tells that the store is not what was last written to it, and what was
// done about it.
type Recovery struct {
	At time.Time `json:"at"`
	// From names the backup that was restored; empty when none was.
	From string `json:"from,omitempty"`
	// CorruptPath is where the damaged file is kept; empty when there was none.
	CorruptPath string `json:"corrupt_path,omitempty"`
	// Revision is the accepted revision now in force, 0 when there is none.
	Revision uint64 `json:"revision"`
	// Lost is the newest accepted revision known to be lost, 0 when none is.
	Lost uint64 `json:"lost,omitempty"`
	// Message says all of it in a sentence, with what to do next.
	Message string `json:"message"`
}

// settle makes state.db a file that may be opened: it leaves a sound one alone,
// makes the first one, and replaces one that cannot be trusted.
func (s *Store) settle() error {
	id, idErr := readSidecar(s.dir)
	if idErr != nil && !errors.Is(idErr, ErrDamaged) {
		return idErr
	}
	head, err := inspect(s.path())
	if err == nil {
		err = head.contradicts(id)
	}
	if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, errAbsent) {
		return say("read "+s.path(), cause(err))
	}
	if err == nil {
		return s.note(head, id, idErr)
	}
	backups := findBackups(s.dir, id)
	if errors.Is(err, errAbsent) && id == nil && idErr == nil && len(backups) == 0 {
		fresh := identity{Lineage: newLineage(), CreatedAt: s.opts.Now()}
		return say("make "+s.path(), create(s.path(), s.opts.Version, fresh, func(*bbolt.Tx) error { return nil }))
	}
	return s.recover(err, id, backups)
}

// note records that a sound file came with something that should not be.
func (s *Store) note(head summary, id *sidecar, idErr error) error {
	text := ""
	switch {
	case head.tornMeta:
		text = "one of the two meta pages of state.db was damaged: the last change of workers or operations may be missing"
	case idErr != nil:
		text = "state.id was damaged and has been written again from state.db"
	case id == nil && head.serial > 0:
		text = "state.id was missing and has been written again from state.db"
	default:
		return nil
	}
	news := Recovery{
		At: s.opts.Now(), Revision: head.revision,
		Message: fmt.Sprintf("%s; revision %d is in force, run `snakectl plan` to compare it with your configuration", text, head.revision),
	}
	db, err := openDB(s.path(), false)
	if err != nil {
		return fmt.Errorf("cannot open %s: %w", s.path(), err)
	}
	err = guard(func() error {
		return db.Update(func(tx *bbolt.Tx) error { return put(tx, bucketMeta, keyRecovery, news) })
	})
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	return say("record a recovery", err)
}

// recover puts the newest good backup in the place of a file that cannot be
// trusted, or an empty store of the same lineage when there is no backup.
func (s *Store) recover(reason error, id *sidecar, backups []candidate) error {
	news := Recovery{At: s.opts.Now()}
	if id != nil {
		news.Lost = id.Serial
	}
	serial, temp := news.Lost, s.path()+".tmp"
	if len(backups) > 0 {
		best := backups[0]
		if best.format != nil {
			return best.format
		}
		news.From, news.Revision = best.name, best.head.revision
		if best.head.serial >= serial {
			serial, news.Lost = best.head.serial, 0
		}
		if err := copyFile(temp, best.path); err != nil {
			return fmt.Errorf("cannot restore %s: %w", best.path, err)
		}
	}
	var err error
	if news.CorruptPath, err = s.setAside(); err != nil {
		return fmt.Errorf("cannot set the damaged %s aside: %w", s.path(), err)
	}
	news.Message = news.sentence(reason)
	if news.From != "" {
		err = s.restore(temp, serial, news)
	} else {
		err = s.startOver(id, news)
	}
	return say("recover "+s.path(), err)
}

// restore finishes a copied backup, so that it is a sound store before it takes
// the place of the damaged one.
func (s *Store) restore(temp string, serial uint64, news Recovery) error {
	db, err := openDB(temp, false)
	if err != nil {
		return err
	}
	err = guard(func() error {
		return db.Update(func(tx *bbolt.Tx) error {
			var id identity
			if err := need(tx, bucketMeta, keyIdentity, &id); err != nil {
				return err
			}
			id.Serial = serial
			if err := put(tx, bucketMeta, keyIdentity, id); err != nil {
				return err
			}
			return put(tx, bucketMeta, keyRecovery, news)
		})
	})
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return install(temp, s.path())
}

// startOver makes an empty store. It keeps the lineage and goes on counting
// revisions where the lost ones ended: an old plan never fits by accident.
func (s *Store) startOver(id *sidecar, news Recovery) error {
	fresh := identity{CreatedAt: s.opts.Now()}
	if id != nil {
		fresh.Lineage, fresh.Serial = id.Lineage, id.Serial
	} else {
		fresh.Lineage = newLineage()
	}
	return create(s.path(), s.opts.Version, fresh, func(tx *bbolt.Tx) error {
		return put(tx, bucketMeta, keyRecovery, news)
	})
}

// setAside renames the damaged file, if there is one, to a name that is free.
func (s *Store) setAside() (string, error) {
	info, err := os.Lstat(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if info.Mode().IsRegular() && info.Size() == 0 {
		return "", os.Remove(s.path())
	}
	base := s.path() + ".corrupt-" + s.opts.Now().UTC().Format("20060102T150405Z")
	for n, name := 1, base; ; n++ {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name, os.Rename(s.path(), name)
		}
		name = fmt.Sprintf("%s-%d", base, n)
	}
}

func (r *Recovery) sentence(reason error) string {
	text := reason.Error()
	switch {
	case r.From != "":
		text += fmt.Sprintf("; revision %d was restored from %s", r.Revision, r.From)
	default:
		text += "; no backup was good, so nothing is accepted now"
	}
	switch {
	case r.Lost > 0:
		text += fmt.Sprintf(" and the accepted revision %d is lost", r.Lost)
	case r.From != "":
		text += " and what changed after it is lost"
	default:
		text += " and an accepted revision, if there was one, is lost"
	}
	if r.CorruptPath != "" {
		text += "; the damaged file is kept as " + filepath.Base(r.CorruptPath)
	}
	return text + "; run `snakectl plan` to see what differs from your configuration"
}
