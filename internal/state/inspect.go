package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"
)

// errAbsent says that there is no state file, or one without a single byte, which
// bbolt would take for a new one.
var errAbsent = errors.New("state.db is missing")

// summary is what a sound state file says about itself.
type summary struct {
	lineage  string
	serial   uint64
	revision uint64
	// tornMeta: one meta page is bad, so the newest transaction may be missing.
	tornMeta bool
}

// contradicts returns why a sound file cannot be the one that the sidecar tells of.
func (h summary) contradicts(id *sidecar) error {
	switch {
	case id == nil:
		return nil
	case id.Lineage != h.lineage:
		return fmt.Errorf("%s belongs to another instance", fileDB)
	case id.Serial > h.serial:
		return fmt.Errorf("%s is older than it should be: it ends at revision %d, %s tells of revision %d", fileDB, h.serial, fileSidecar, id.Serial)
	}
	return nil
}

// inspect proves that the file at path may be opened and returns what it says.
// The error is errAbsent, a *FormatError, or wraps ErrDamaged; any other is about
// reading the file.
func inspect(path string) (summary, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.Size() == 0) {
		return summary{}, errAbsent
	}
	if err != nil {
		return summary{}, err
	}
	db, err := openDB(path, true)
	if err != nil {
		return summary{}, damaged("%v", err)
	}
	defer db.Close()
	var h summary
	err = guard(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			var id identity
			if err := need(tx, bucketMeta, keyIdentity, &id); err != nil {
				return err
			}
			rev, err := acceptedRevision(tx)
			if rev != nil {
				h.revision = rev.Number
			}
			h.lineage, h.serial = id.Lineage, id.Serial
			return err
		})
	})
	return h, err
}
