package event

import (
	"encoding/json"
	"fmt"
	"time"
)

// Version is the version of the form that events are told in.
const Version = 1

// Record is one event as it is told, a line of JSON: v, seq, ts, type, dropped and
// data. Fields and kinds are only ever added.
type Record struct {
	// Seq numbers the events of one supervisor from 1. A gap is an event that the
	// filter kept back or that was dropped.
	Seq uint64
	// TS is when it happened.
	TS time.Time
	// Dropped counts the events before this one that the reader was too slow for.
	Dropped uint64
	// Data is what happened. It is an Unknown for a kind that this program is too old
	// to know.
	Data Body
}

// Unknown is an event of a kind that this program does not know.
type Unknown struct {
	kind string
	// Raw is the data as it came.
	Raw json.RawMessage
}

// Type implements Body.
func (u Unknown) Type() string { return u.kind }

// Address implements Body.
func (u Unknown) Address() string {
	var data struct {
		Pool string `json:"pool"`
	}
	_ = json.Unmarshal(u.Raw, &data) // it has no pool then
	return data.Pool
}

// MarshalJSON returns the data as it came.
func (u Unknown) MarshalJSON() ([]byte, error) { return u.Raw, nil }

// line is the JSON form of a Record.
type line[D any] struct {
	V       int       `json:"v"`
	Seq     uint64    `json:"seq"`
	TS      time.Time `json:"ts"`
	Type    string    `json:"type"`
	Dropped uint64    `json:"dropped,omitempty"`
	Data    D         `json:"data"`
}

// MarshalJSON returns the line without its end.
func (r Record) MarshalJSON() ([]byte, error) {
	return json.Marshal(line[Body]{V: Version, Seq: r.Seq, TS: r.TS, Type: r.Data.Type(), Dropped: r.Dropped, Data: r.Data})
}

// UnmarshalJSON reads a line.
func (r *Record) UnmarshalJSON(b []byte) error {
	var l line[json.RawMessage]
	if err := json.Unmarshal(b, &l); err != nil {
		return fmt.Errorf("cannot read an event: %w", err)
	}
	*r = Record{Seq: l.Seq, TS: l.TS, Dropped: l.Dropped, Data: Unknown{kind: l.Type, Raw: l.Data}}
	decode, known := decoders[l.Type]
	if !known {
		return nil
	}
	body, err := decode(l.Data)
	if err != nil {
		return fmt.Errorf("cannot read an event %s: %w", l.Type, err)
	}
	r.Data = body
	return nil
}
