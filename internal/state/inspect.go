package state

import (
	"errors"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// errAbsent says that there is no state file, or one without a single byte, which
// bbolt would take for a new one.
var errAbsent = errors.New("state.db is missing or empty")

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
		return damaged("it belongs to another instance")
	case id.Serial > h.serial:
		return damaged("it ends at revision %d, but %s tells of revision %d", h.serial, fileSidecar, id.Serial)
	}
	return nil
}

// inspect proves that the file at path may be opened and returns what it says.
// The error is errAbsent, a *FormatError, or wraps ErrDamaged; any other is about
// reading the file.
func inspect(path string) (summary, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && len(data) == 0) {
		return summary{}, errAbsent
	}
	if err != nil {
		return summary{}, err
	}
	img, err := newImage(data)
	if err == nil {
		err = img.walk()
	}
	if err != nil {
		return summary{}, err
	}
	h, err := summarise(img, path)
	if err != nil {
		return summary{}, err
	}
	return h, check(path)
}

// summarise proves every record of a walked image and returns what it is about.
func summarise(img *image, path string) (summary, error) {
	var f formatRecord
	if err := img.decode(bucketMeta, keyFormat, &f); err != nil {
		return summary{}, err
	}
	if f.Format > Format {
		return summary{}, &FormatError{Path: path, Format: f.Format, Supported: Format, Version: f.Version}
	}
	for _, name := range buckets() {
		b, ok := img.buckets[name]
		if !ok {
			return summary{}, damaged("the bucket %s is missing", name)
		}
		if b.sequence != uint64(len(b.records)) || b.nested > 0 {
			return summary{}, damaged("the bucket %s has %d records instead of %d", name, len(b.records), b.sequence)
		}
		for key, raw := range b.records {
			if _, err := open(name, key, raw); err != nil {
				return summary{}, err
			}
		}
	}
	var id identity
	if err := img.decode(bucketMeta, keyIdentity, &id); err != nil {
		return summary{}, err
	}
	h := summary{lineage: id.Lineage, serial: id.Serial, tornMeta: img.torn}
	if len(img.buckets[bucketAccepted].records) == 0 {
		return h, nil
	}
	var p pointer
	if err := img.decode(bucketAccepted, keyCurrent, &p); err != nil {
		return summary{}, err
	}
	var rev pool.Revision
	if err := img.decode(bucketRevisions, revisionKey(p.Revision), &rev); err != nil {
		return summary{}, err
	}
	h.revision = rev.Number
	return h, nil
}

func (img *image) decode(bucket, key string, v any) error {
	b, ok := img.buckets[bucket]
	if !ok {
		return damaged("the bucket %s is missing", bucket)
	}
	raw, ok := b.records[key]
	if !ok {
		return damaged("the record %s/%s is missing", bucket, key)
	}
	return decode(bucket, key, raw, v)
}

// check asks bbolt for its own opinion of a file that has been walked; it knows
// the order of keys, which the walk does not prove.
func check(path string) error {
	db, err := openDB(path, true)
	if err != nil {
		return damaged("%v", err)
	}
	defer db.Close()
	var first error
	err = guard(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			for found := range tx.Check() { // to the end: the sender waits for us
				if first == nil {
					first = damaged("%v", found)
				}
			}
			return nil
		})
	})
	return errors.Join(err, first)
}
