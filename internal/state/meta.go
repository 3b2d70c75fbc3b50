package state

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"go.etcd.io/bbolt"
)

// Records of the bucket meta. The record "format" keeps its place and encoding
// in every format to come: it is what tells a reader to stop.
const (
	keyFormat   = "format"
	keyIdentity = "identity"
	keyRecovery = "recovery"
)

type formatRecord struct {
	Format  int    `json:"format"`
	Version string `json:"version"`
}

type identity struct {
	Lineage string `json:"lineage"`
	// Serial is the highest revision number ever given; it is above the accepted
	// revision's only after one was lost.
	Serial    uint64    `json:"serial"`
	CreatedAt time.Time `json:"created_at"`
}

func newLineage() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// nextSerial hands out the next revision number. The news of an earlier recovery
// ends with it: whoever applies has seen what runs.
func nextSerial(tx *bbolt.Tx) (uint64, error) {
	var id identity
	if err := need(tx, bucketMeta, keyIdentity, &id); err != nil {
		return 0, err
	}
	id.Serial++
	if err := put(tx, bucketMeta, keyIdentity, id); err != nil {
		return 0, err
	}
	return id.Serial, remove(tx, bucketMeta, keyRecovery)
}

// initialise makes the buckets of a new file.
func initialise(tx *bbolt.Tx, id identity, version string) error {
	for _, name := range buckets() {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	if err := put(tx, bucketMeta, keyFormat, formatRecord{Format: Format, Version: version}); err != nil {
		return err
	}
	return put(tx, bucketMeta, keyIdentity, id)
}
