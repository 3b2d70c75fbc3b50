package state

import (
	"go.etcd.io/bbolt"
)

// The buckets of format 1.
const (
	bucketMeta      = "meta"
	bucketAccepted  = "accepted"
	bucketRevisions = "revisions"
	bucketWorkers   = "workers"
	bucketLaunches  = "launches"
	bucketOps       = "ops"
	bucketOverrides = "overrides"
	bucketPlaces    = "places"
)

func buckets() []string {
	return []string{
		bucketMeta, bucketAccepted, bucketRevisions, bucketWorkers, bucketLaunches,
		bucketOps, bucketOverrides, bucketPlaces,
	}
}

// table is one bucket inside a transaction. The bucket's sequence holds the
// number of its records: a page that lost some would else go unnoticed.
type table struct {
	name   string
	bucket *bbolt.Bucket
}

func tableOf(tx *bbolt.Tx, name string) (table, error) {
	b := tx.Bucket([]byte(name))
	if b == nil {
		return table{}, damaged("the bucket %s is missing", name)
	}
	return table{name: name, bucket: b}, nil
}

// get decodes the record at key into v and reports whether there is one.
func (t table) get(key string, v any) (found bool, err error) {
	raw := t.bucket.Get([]byte(key))
	if raw == nil {
		return false, nil
	}
	return true, decode(t.name, key, raw, v)
}

func (t table) put(key string, v any) error {
	raw, err := encode(t.name, key, v)
	if err != nil {
		return err
	}
	if !t.has(key) {
		if err := t.bucket.SetSequence(t.bucket.Sequence() + 1); err != nil {
			return err
		}
	}
	return t.bucket.Put([]byte(key), raw)
}

// delete removes the record at key, if there is one.
func (t table) delete(key string) error {
	if !t.has(key) {
		return nil
	}
	if err := t.bucket.SetSequence(t.bucket.Sequence() - 1); err != nil {
		return err
	}
	return t.bucket.Delete([]byte(key))
}

// len returns the number of records.
func (t table) len() int { return int(t.bucket.Sequence()) }

func (t table) has(key string) bool { return t.bucket.Get([]byte(key)) != nil }

func (t table) keys() []string {
	var out []string
	_ = t.bucket.ForEach(func(key, _ []byte) error {
		out = append(out, string(key))
		return nil
	})
	return out
}

// newest decodes at most limit records from the end, the last key first.
func newest[T any](t table, limit int) ([]T, error) {
	var out []T
	c := t.bucket.Cursor()
	for key, raw := c.Last(); key != nil && len(out) < limit; key, raw = c.Prev() {
		var v T
		if err := decode(t.name, string(key), raw, &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// all decodes every record in key order.
func all[T any](t table) ([]T, error) {
	var out []T
	err := t.bucket.ForEach(func(key, raw []byte) error {
		var v T
		if err := decode(t.name, string(key), raw, &v); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	return out, err
}

func put(tx *bbolt.Tx, bucket, key string, v any) error {
	t, err := tableOf(tx, bucket)
	if err != nil {
		return err
	}
	return t.put(key, v)
}

func remove(tx *bbolt.Tx, bucket, key string) error {
	t, err := tableOf(tx, bucket)
	if err != nil {
		return err
	}
	return t.delete(key)
}

func lookup(tx *bbolt.Tx, bucket, key string, v any) (found bool, err error) {
	t, err := tableOf(tx, bucket)
	if err != nil {
		return false, err
	}
	return t.get(key, v)
}

// need is lookup for a record whose absence is an error.
func need(tx *bbolt.Tx, bucket, key string, v any) error {
	found, err := lookup(tx, bucket, key, v)
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

func list[T any](tx *bbolt.Tx, bucket string) ([]T, error) {
	t, err := tableOf(tx, bucket)
	if err != nil {
		return nil, err
	}
	return all[T](t)
}
