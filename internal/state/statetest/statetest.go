// Package statetest makes state files that no release of today writes, for tests.
package statetest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"

	"go.etcd.io/bbolt"
)

// AgeForward turns a state file into one of a format to come, written by that
// version, whose records and nested buckets this release cannot know.
func AgeForward(path string, format int, version string) error {
	record, err := seal("meta", "format", map[string]any{"format": format, "version": version})
	if err != nil {
		return err
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if err := tx.Bucket([]byte("workers")).Put([]byte("new"), []byte{0x02, 0xff}); err != nil {
			return err
		}
		if _, err := tx.Bucket([]byte("ops")).CreateBucket([]byte("inner")); err != nil {
			return err
		}
		return tx.Bucket([]byte("meta")).Put([]byte("format"), record)
	})
	return errors.Join(err, db.Close())
}

// seal encodes a record as the store does, with its checksum: written a second time,
// so that a change of the encoding does not go unnoticed.
func seal(bucket, key string, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	sum := crc32.Checksum(append([]byte(bucket+"\x00"+key+"\x00"), text...), crc32.MakeTable(crc32.Castagnoli))
	return append(binary.BigEndian.AppendUint32([]byte{1}, sum), text...), nil
}
