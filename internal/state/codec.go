package state

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
)

// codecJSON is the first byte of a value: a CRC-32C follows (four bytes, big
// endian, over bucket, key and JSON), then the JSON. The sum is there because a
// page that was overwritten inside a value still looks sound to bbolt.
const codecJSON = 0x01

const codecHeader = 1 + crc32.Size

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encode(bucket, key string, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cannot encode %s/%s: %w", bucket, key, err)
	}
	out := make([]byte, codecHeader, codecHeader+len(text))
	out[0] = codecJSON
	binary.BigEndian.PutUint32(out[1:], checksum(bucket, key, text))
	return append(out, text...), nil
}

// open returns the JSON of an encoded value, which shares raw's memory.
func open(bucket, key string, raw []byte) ([]byte, error) {
	if len(raw) < codecHeader || raw[0] != codecJSON {
		return nil, damaged("the record %s/%s has no known encoding", bucket, key)
	}
	text := raw[codecHeader:]
	if binary.BigEndian.Uint32(raw[1:]) != checksum(bucket, key, text) {
		return nil, damaged("the record %s/%s does not match its checksum", bucket, key)
	}
	return text, nil
}

func decode(bucket, key string, raw []byte, v any) error {
	text, err := open(bucket, key, raw)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return damaged("the record %s/%s cannot be read: %v", bucket, key, err)
	}
	return nil
}

func checksum(bucket, key string, text []byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte(bucket+"\x00"+key+"\x00"))
	return crc32.Update(sum, castagnoli, text)
}
