package state

import (
	"bytes"
	"encoding/json"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// Heads returns the kept revisions after that number without their specs, newest
// first, at most limit of them; all when limit is 0. It decodes no spec, which is
// nearly all of a revision.
func (s *Store) Heads(after uint64, limit int) ([]pool.RevisionHead, error) {
	var out []pool.RevisionHead
	err := s.view("read the history", func(tx *bbolt.Tx) (err error) {
		out, err = readHeads(tx, after, limit)
		return err
	})
	return out, err
}

func readHeads(tx *bbolt.Tx, after uint64, limit int) ([]pool.RevisionHead, error) {
	t, err := tableOf(tx, bucketRevisions)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = t.len()
	}
	out := make([]pool.RevisionHead, 0, min(limit, t.len()))
	c := t.bucket.Cursor()
	for key, raw := c.Last(); key != nil && len(out) < limit; key, raw = c.Prev() {
		text, err := open(t.name, string(key), raw)
		if err != nil {
			return nil, err
		}
		head, err := decodeHead(text)
		if err != nil {
			return nil, damaged("the record %s/%s cannot be read: %v", t.name, key, err)
		}
		if head.Number <= after {
			break
		}
		out = append(out, head)
	}
	return out, nil
}

// specMember begins the spec of a revision, its last member in what this release
// writes.
var specMember = []byte(`,"desired":{`)

// decodeHead decodes a revision up to its spec. Revisions of former releases have the
// spec in the middle: those are decoded as a whole.
func decodeHead(text []byte) (pool.RevisionHead, error) {
	var head pool.RevisionHead
	// Inside a string the quotes would be escaped: the first occurrence is the member.
	if cut := bytes.Index(text, specMember); cut >= 0 && bytes.Contains(text[:cut], []byte(`"touched":`)) {
		text = append(bytes.Clone(text[:cut]), '}')
	}
	err := json.Unmarshal(text, &head)
	return head, err
}

// ReadHeads is Heads for a store that nobody may own: it reads a private copy.
func ReadHeads(dir string) ([]pool.RevisionHead, error) {
	v, err := readCopy(dir, func(tx *bbolt.Tx) (*View, error) {
		heads, err := readHeads(tx, 0, 0)
		return &View{Heads: heads}, err
	})
	if err != nil {
		return nil, err
	}
	return v.Heads, nil
}

// ReadRevision returns one revision of a store that nobody may own, and an error that
// wraps ErrNotFound when it has no such revision.
func ReadRevision(dir string, number uint64) (pool.Revision, error) {
	var rev pool.Revision
	found := false
	_, err := readCopy(dir, func(tx *bbolt.Tx) (v *View, err error) {
		found, err = lookup(tx, bucketRevisions, revisionKey(number), &rev)
		return &View{}, err
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	return rev, err
}
