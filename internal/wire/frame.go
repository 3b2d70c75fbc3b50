package wire

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Preface is the first thing a connecting side sends; it tells frames from HTTP.
const Preface = "SNK1"

// Sizes and limits of the protocol.
const (
	// HeaderSize is the length of a frame's header.
	HeaderSize = 16
	// MaxPayload is the longest payload of one frame.
	MaxPayload = 256 << 10
	// HelloPayload is the longest payload before HELLO was answered.
	HelloPayload = 64 << 10
	// MaxBody is the longest body of a call or a result, all its frames together.
	MaxBody = 64 << 20
)

// Type says what a frame is.
type Type uint8

// The frame types. The reserved ones (STARTED, END, WINDOW, RELEASE, TOOL_CALL,
// TOOL_RESULT) have no name here: a receiver treats them as unknown.
const (
	TypeHello    Type = 1
	TypeHelloAck Type = 2
	TypeCall     Type = 3
	TypeResult   Type = 5
	TypeChunk    Type = 6
	TypeError    Type = 8
	TypeCancel   Type = 9
	TypePing     Type = 12
	TypePong     Type = 13
	TypeEvent    Type = 14
	TypeDrain    Type = 17
	TypeGoAway   Type = 18
	TypeAttach   Type = 19
)

var typeNames = [...]string{
	TypeHello: "HELLO", TypeHelloAck: "HELLO_ACK", TypeCall: "CALL", TypeResult: "RESULT", TypeChunk: "CHUNK", TypeError: "ERROR",
	TypeCancel: "CANCEL", TypePing: "PING", TypePong: "PONG", TypeEvent: "EVENT", TypeDrain: "DRAIN", TypeGoAway: "GOAWAY",
	TypeAttach: "ATTACH",
}

// Known reports whether this side understands frames of the type.
func (t Type) Known() bool { return int(t) < len(typeNames) && typeNames[t] != "" }

// String returns the name the specification uses, or "type 99".
func (t Type) String() string {
	if t.Known() {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Flags are the bits of a frame's header. Unknown bits are ignored.
type Flags uint8

// The flags.
const (
	// FlagEnd marks the last frame of this direction of the stream.
	FlagEnd Flags = 1
	// FlagIgnorable lets a receiver that does not know the type skip the frame.
	FlagIgnorable Flags = 2
)

// Header is the fixed part of every frame.
type Header struct {
	// Length counts the bytes of the payload.
	Length uint32
	Type   Type
	Flags  Flags
	// Attachments is 0 until they exist.
	Attachments uint16
	// Stream names one call on one connection; 0 for frames that belong to none.
	Stream uint64
}

// End reports whether the frame is the last of its direction of the stream.
func (h Header) End() bool { return h.Flags&FlagEnd != 0 }

// AppendHeader appends the 16 bytes of h to dst.
func AppendHeader(dst []byte, h Header) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, h.Length)
	dst = append(dst, byte(h.Type), byte(h.Flags))
	dst = binary.LittleEndian.AppendUint16(dst, h.Attachments)
	return binary.LittleEndian.AppendUint64(dst, h.Stream)
}

// ParseHeader reads a header from b, which must hold HeaderSize bytes at least.
// It checks nothing; a Reader does.
func ParseHeader(b []byte) Header {
	_ = b[HeaderSize-1]
	return Header{
		Length:      binary.LittleEndian.Uint32(b),
		Type:        Type(b[4]),
		Flags:       Flags(b[5]),
		Attachments: binary.LittleEndian.Uint16(b[6:]),
		Stream:      binary.LittleEndian.Uint64(b[8:]),
	}
}

// AppendFrame appends a whole frame to dst. The length of h is taken from the
// payload, which must not exceed MaxPayload.
func AppendFrame(dst []byte, h Header, payload []byte) []byte {
	h.Length = uint32(len(payload))
	return append(AppendHeader(dst, h), payload...)
}

// AppendJSON appends a frame whose payload is the JSON of v: a HELLO, an ERROR,
// an EVENT or a GOAWAY. A payload over MaxPayload is an error.
func AppendJSON(dst []byte, h Header, v any) ([]byte, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("cannot encode a %s frame: %w", h.Type, err)
	}
	if len(payload) > MaxPayload {
		return dst, fmt.Errorf("cannot encode a %s frame: %d bytes are more than %d", h.Type, len(payload), MaxPayload)
	}
	return AppendFrame(dst, h, payload), nil
}

// Payload returns the part of a whole frame that follows its header.
func Payload(frame []byte) []byte { return frame[HeaderSize:] }

// PutStream rewrites the stream id in a frame's header.
func PutStream(frame []byte, id uint64) { binary.LittleEndian.PutUint64(frame[8:HeaderSize], id) }

// ProtocolError says how a peer broke the protocol. The connection is of no
// further use: answer with GOAWAY and close it.
type ProtocolError struct{ Message string }

// Error returns the message.
func (e *ProtocolError) Error() string { return "protocol error: " + e.Message }

// Violation returns a *ProtocolError.
func Violation(format string, args ...any) *ProtocolError {
	return &ProtocolError{Message: fmt.Sprintf(format, args...)}
}
