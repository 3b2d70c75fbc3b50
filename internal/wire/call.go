package wire

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"unicode/utf8"
)

// CodecJSON says that a body is JSON.
const CodecJSON uint8 = 1

// MaxStrings is the longest that the strings of one call may be together.
const MaxStrings = 4096

// MaxDeadline is the greatest deadline of a call, some 146 years in nanoseconds:
// so a remaining time may be added to Monotonic without a check.
const MaxDeadline int64 = 1 << 62

const (
	callFixed    = 28 // offset of the first string of a CALL
	callStrings  = 5
	resultFixed  = 18 // offset of the only string of a RESULT
	callIDOffset = 8
	// resultRetries is the offset of the count of retries of a RESULT.
	resultRetries = 17
)

// CallID names a call for ever; the client chooses it at random.
type CallID [16]byte

// NewCallID returns a random id. It is unique, not secret.
func NewCallID() CallID {
	var id CallID
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	return id
}

// ParseCallID reads the hexadecimal form, which HELLO uses.
func ParseCallID(s string) (CallID, error) {
	var id CallID
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, Violation("%q is not a call id: 32 hexadecimal digits", s)
	}
	copy(id[:], b)
	return id, nil
}

// String returns the hexadecimal form.
func (id CallID) String() string { return hex.EncodeToString(id[:]) }

// CallBits are the properties of a call that are yes or no.
type CallBits uint8

// The bits of a call.
const (
	// BitIdempotent: the call may be executed again when its worker died.
	BitIdempotent CallBits = 1
	// BitInterruptible: a cancelled handler may be interrupted by an exception.
	BitInterruptible CallBits = 2
	// BitStreaming: the result is a stream of items.
	BitStreaming CallBits = 4
)

// Call is the payload of a CALL frame. The byte slices of a parsed call alias
// the payload and live as long as it does.
type Call struct {
	// Deadline is the time that remains, from a client, and CLOCK_MONOTONIC to a
	// worker; nanoseconds, 0 for none.
	Deadline int64
	ID       CallID
	Codec    uint8
	Priority uint8
	Bits     CallBits
	// Pool is an address or a name; empty means the default pool.
	Pool           []byte
	Command        []byte
	Session        []byte
	IdempotencyKey []byte
	Traceparent    []byte
	// Body is the part of the body that this frame holds.
	Body []byte
}

// Idempotent reports whether the call may be executed twice.
func (c *Call) Idempotent() bool { return c.Bits&BitIdempotent != 0 }

// AppendCall appends the payload of a CALL frame to dst: the envelope, then
// c.Body. An error leaves dst as it was and means that the envelope is not legal.
func AppendCall(dst []byte, c *Call) ([]byte, error) {
	fields := [callStrings][]byte{c.Pool, c.Command, c.Session, c.IdempotencyKey, c.Traceparent}
	total := 0
	for _, f := range fields {
		total += len(f)
	}
	if total > MaxStrings {
		return dst, fmt.Errorf("cannot encode the call: its names and keys have %d bytes, more than %d", total, MaxStrings)
	}
	if c.Deadline < 0 || c.Deadline > MaxDeadline {
		return dst, fmt.Errorf("cannot encode the call: deadline %d is out of range", c.Deadline)
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(c.Deadline))
	dst = append(dst, c.ID[:]...)
	dst = append(dst, c.Codec, c.Priority, byte(c.Bits), 0)
	for _, f := range fields {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(len(f)))
		dst = append(dst, f...)
	}
	return append(dst, c.Body...), nil
}

// ParseCall reads the payload of a CALL frame without copying or allocating. The
// error is a *ProtocolError.
func ParseCall(payload []byte) (Call, error) {
	if len(payload) < callFixed {
		return Call{}, Violation("a CALL of %d bytes is shorter than its envelope", len(payload))
	}
	deadline := binary.LittleEndian.Uint64(payload)
	if deadline > uint64(MaxDeadline) {
		return Call{}, Violation("deadline %d is out of range", deadline)
	}
	c := Call{
		Deadline: int64(deadline),
		ID:       CallID(payload[callIDOffset : callIDOffset+16]),
		Codec:    payload[24],
		Priority: payload[25],
		Bits:     CallBits(payload[26]),
	}
	rest, total := payload[callFixed:], 0
	for _, field := range [callStrings]*[]byte{&c.Pool, &c.Command, &c.Session, &c.IdempotencyKey, &c.Traceparent} {
		var err error
		if *field, rest, err = cutString(rest); err != nil {
			return Call{}, err
		}
		total += len(*field)
	}
	if total > MaxStrings {
		return Call{}, Violation("the strings of a CALL have %d bytes, more than %d", total, MaxStrings)
	}
	c.Body = rest
	return c, nil
}

// BodyOffset returns where the body begins in the payload that c was parsed from.
func (c *Call) BodyOffset() int {
	return callFixed + 2*callStrings + len(c.Pool) + len(c.Command) + len(c.Session) + len(c.IdempotencyKey) + len(c.Traceparent)
}

// PutDeadline rewrites the deadline in the payload of a CALL.
func PutDeadline(payload []byte, ns int64) {
	binary.LittleEndian.PutUint64(payload[:8], uint64(max(ns, 0)))
}

// PutRetries rewrites how often the call was executed beyond once in the payload of a
// RESULT; more than 255 times are told as 255.
func PutRetries(payload []byte, n int) {
	if n > 0 {
		payload[resultRetries] = uint8(min(n, math.MaxUint8))
	}
}

// Result is the payload of a RESULT frame. The byte slices of a parsed result
// alias the payload and live as long as it does.
type Result struct {
	// Queue is how long the call waited for a slot, Exec how long its handler ran,
	// both in nanoseconds.
	Queue, Exec int64
	Codec       uint8
	// Retries is how often the call was executed beyond once.
	Retries uint8
	// Worker is the incarnation that served the call: pool.api/0@7f2c.
	Worker []byte
	// Body is the part of the body that this frame holds.
	Body []byte
}

// AppendResult appends the payload of a RESULT frame to dst: the envelope, then
// r.Body. An error leaves dst as it was and means that the envelope is not legal.
func AppendResult(dst []byte, r *Result) ([]byte, error) {
	if len(r.Worker) > MaxStrings || r.Queue < 0 || r.Exec < 0 {
		return dst, fmt.Errorf("cannot encode the result: a field is out of range")
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Queue))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Exec))
	dst = append(dst, r.Codec, r.Retries)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(r.Worker)))
	dst = append(dst, r.Worker...)
	return append(dst, r.Body...), nil
}

// ParseResult reads the payload of a RESULT frame without copying or allocating.
// The error is a *ProtocolError.
func ParseResult(payload []byte) (Result, error) {
	if len(payload) < resultFixed {
		return Result{}, Violation("a RESULT of %d bytes is shorter than its envelope", len(payload))
	}
	queue, exec := binary.LittleEndian.Uint64(payload), binary.LittleEndian.Uint64(payload[8:])
	if queue > uint64(MaxDeadline) || exec > uint64(MaxDeadline) {
		return Result{}, Violation("the times of a RESULT are out of range")
	}
	worker, body, err := cutString(payload[resultFixed:])
	if err != nil {
		return Result{}, err
	}
	return Result{Queue: int64(queue), Exec: int64(exec), Codec: payload[16], Retries: payload[resultRetries], Worker: worker, Body: body}, nil
}

// PutQueue rewrites how long the call waited in the payload of a RESULT.
func PutQueue(payload []byte, ns int64) {
	binary.LittleEndian.PutUint64(payload[:8], uint64(max(ns, 0)))
}

// cutString takes a length-prefixed string from the front of b.
func cutString(b []byte) (s, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, Violation("an envelope ends inside a string's length")
	}
	n := int(binary.LittleEndian.Uint16(b))
	if len(b) < 2+n {
		return nil, nil, Violation("an envelope ends inside a string of %d bytes", n)
	}
	if s = b[2 : 2+n]; !utf8.Valid(s) {
		return nil, nil, Violation("a string of an envelope is not UTF-8")
	}
	return s, b[2+n:], nil
}
