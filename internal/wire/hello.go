package wire

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Version is the version of the protocol that this side speaks; MinVersion is
// the oldest that it still understands.
const (
	Version    = 1
	MinVersion = 1
)

// Role says what a connection is for.
type Role string

// The roles.
const (
	RoleClient  Role = "client"
	RoleSlot    Role = "slot"
	RoleControl Role = "control"
)

// Hello is the payload of a HELLO frame.
type Hello struct {
	Version      int      `json:"version"`
	MinVersion   int      `json:"min_version"`
	Role         Role     `json:"role"`
	Codecs       []string `json:"codecs"`
	Capabilities []string `json:"capabilities"`
	// Agent says who speaks, for people: "snakectl/0.1.0".
	Agent string `json:"agent"`
	// Worker is set for the roles slot and control only.
	Worker *HelloWorker `json:"worker,omitempty"`
}

// HelloWorker is how a worker proves who it is.
type HelloWorker struct {
	Address     string `json:"address"`
	Incarnation string `json:"incarnation"`
	Token       string `json:"token"`
	LaunchHash  string `json:"launch_hash"`
	PID         int    `json:"pid"`
	StartTime   uint64 `json:"start_time"`
	BootID      string `json:"boot_id"`
	// Slot is the number of the slot, for the role slot.
	Slot int `json:"slot"`
	// State is starting, or ready when a control connection comes back.
	State string `json:"state,omitempty"`
	// Python and Commands are set when State is ready. Commands is a list of
	// pool.CommandInfo.
	Python   string          `json:"python,omitempty"`
	GIL      *bool           `json:"gil,omitempty"`
	Commands json.RawMessage `json:"commands,omitempty"`
	// Calls counts the calls that the worker has executed before, for the role slot.
	Calls uint64 `json:"calls,omitempty"`
	// Running is the call that a worker with one slot executes, for the role control;
	// one with more tells by EventRunning, a frame for each.
	Running []HelloCall `json:"running,omitempty"`
	// History is what a slot remembers of its calls. A control connection tells of it
	// while a call runs: nothing can come between that call and the history then.
	History *HelloHistory `json:"history,omitempty"`
	// Call is how workers without a history tell of the answer that they kept.
	Call *HelloCall `json:"call,omitempty"`
}

// The states that a control connection's HELLO tells.
const (
	StateStarting = "starting"
	StateReady    = "ready"
)

// HelloAck is the payload of a HELLO_ACK frame.
type HelloAck struct {
	Version      int      `json:"version"`
	MaxFrame     int      `json:"max_frame"`
	MaxBody      int      `json:"max_body"`
	Codecs       []string `json:"codecs"`
	Capabilities []string `json:"capabilities"`
	Agent        string   `json:"agent"`
	// OrphanGraceMS tells a worker how long to wait for the next supervisor.
	OrphanGraceMS int64 `json:"orphan_grace_ms,omitempty"`
}

// Event is the payload of an EVENT frame on a control connection.
type Event struct {
	// Event is ready, failed, running, gil, unsafe, memory or progress from a worker, settings or reopen to one.
	Event    string          `json:"event"`
	Python   string          `json:"python,omitempty"`
	GIL      *bool           `json:"gil,omitempty"`
	Commands json.RawMessage `json:"commands,omitempty"`
	// Error is the call error of failed.
	Error json.RawMessage `json:"error,omitempty"`
	// OrphanGraceMS is the grace of settings, which replaces the one of HELLO_ACK.
	OrphanGraceMS int64 `json:"orphan_grace_ms,omitempty"`
	// Path is the file that reopen wants stdout and stderr to go to from now on: the
	// one they went to was set aside.
	Path string `json:"path,omitempty"`
	// MemoryStepBytes asks a worker to tell by memory when it has grown by so much
	// during a call, 0 not to; nil changes nothing.
	MemoryStepBytes *int64 `json:"memory_step_bytes,omitempty"`
	// RSSBytes is the resident memory of memory.
	RSSBytes int64 `json:"rss_bytes,omitempty"`
	// Modules are those that gil says turned the GIL on.
	Modules []string `json:"modules,omitempty"`
	// Finding is what unsafe tells.
	Finding *UnsafeWrite `json:"finding,omitempty"`
	// Call is the id of the call that progress or running is about, in hexadecimal.
	Call string `json:"call,omitempty"`
	// Done, Total and Note are how far it has come: how much is done, of what, and the
	// handler's words.
	Done  float64 `json:"done,omitempty"`
	Total float64 `json:"total,omitempty"`
	Note  string  `json:"note,omitempty"`
	// Slot is the number of the slot that executes the call of running, History what the
	// slot remembers of others.
	Slot    int           `json:"slot,omitempty"`
	History *HelloHistory `json:"history,omitempty"`
}

// UnsafeWrite is something that two slots of a worker write without a common lock.
type UnsafeWrite struct {
	// Attribute names it: shop.Adapter.total.
	Attribute string `json:"attribute"`
	// Place is where the one slot writes it and Other where another does: "shop.py:12 in
	// sell". They may be one place.
	Place string `json:"place"`
	Other string `json:"other"`
	// Slots names them.
	Slots []string `json:"slots"`
}

// The events of a control connection.
const (
	EventReady    = "ready"
	EventFailed   = "failed"
	EventSettings = "settings"
	EventReopen   = "reopen"
	EventRunning  = "running"
	EventGIL      = "gil"
	EventUnsafe   = "unsafe"
	EventMemory   = "memory"
	EventProgress = "progress"
)

// NewHello returns the HELLO of this side for a role. A worker's fields are the
// caller's to set.
func NewHello(role Role, agent string) Hello {
	capabilities := []string{}
	if role == RoleClient {
		capabilities = append(capabilities, CapabilityAttach)
	}
	return Hello{
		Version: Version, MinVersion: MinVersion, Role: role, Agent: agent,
		Codecs: []string{"json"}, Capabilities: capabilities,
	}
}

// ParseHello reads the payload of a HELLO frame and checks that it is complete.
// The error is a *ProtocolError.
func ParseHello(payload []byte) (Hello, error) {
	var h Hello
	if err := json.Unmarshal(payload, &h); err != nil {
		return Hello{}, Violation("cannot read HELLO: %v", err)
	}
	switch h.Role {
	case RoleClient:
		h.Worker = nil
	case RoleSlot, RoleControl:
		if h.Worker == nil {
			return Hello{}, Violation("HELLO of role %s says nothing about its worker", h.Role)
		}
	default:
		return Hello{}, Violation("HELLO of unknown role %q", h.Role)
	}
	if h.MinVersion > h.Version {
		return Hello{}, Violation("HELLO of versions %d to %d", h.MinVersion, h.Version)
	}
	return h, nil
}

// ReadHello reads the first frame of an accepted connection, behind the preface,
// which must be HELLO. A violation is a *ProtocolError.
func ReadHello(r *Reader) (Hello, error) {
	h, frame, err := r.ReadFrame()
	if err != nil {
		return Hello{}, err
	}
	if h.Type != TypeHello {
		return Hello{}, Violation("%s before HELLO", h.Type)
	}
	return ParseHello(Payload(frame))
}

// Negotiate returns the answer to a HELLO: the highest version and the codecs
// that both sides have. Without any the error is a *ProtocolError that names
// what each side offers.
func Negotiate(h Hello, agent string) (HelloAck, error) {
	version := min(h.Version, Version)
	if version < max(h.MinVersion, MinVersion) {
		return HelloAck{}, Violation("no common version: %s speaks %d to %d, %s speaks %d to %d",
			h.Agent, h.MinVersion, h.Version, agent, MinVersion, Version)
	}
	if !slices.Contains(h.Codecs, "json") {
		return HelloAck{}, Violation("no common codec: %s has %v, %s has [json]", h.Agent, h.Codecs, agent)
	}
	capabilities := []string{}
	if h.Role == RoleClient && slices.Contains(h.Capabilities, CapabilityAttach) {
		capabilities = append(capabilities, CapabilityAttach)
	}
	return HelloAck{
		Version: version, MaxFrame: MaxPayload, MaxBody: MaxBody,
		Codecs: []string{"json"}, Capabilities: capabilities, Agent: agent,
	}, nil
}

// RefusedError is what a GOAWAY said instead of HELLO_ACK.
type RefusedError struct {
	// Payload is the JSON of a call error.
	Payload []byte
}

// Error returns the message of the call error.
func (e *RefusedError) Error() string {
	var said struct{ Message string }
	if json.Unmarshal(e.Payload, &said) != nil || said.Message == "" {
		return "the peer refused the connection"
	}
	return "the peer refused the connection: " + said.Message
}

// AppendGreeting appends what a connecting side sends first: the preface and its
// HELLO.
func AppendGreeting(dst []byte, h Hello) ([]byte, error) {
	return AppendJSON(append(dst, Preface...), Header{Type: TypeHello}, h)
}

// ReadAck reads the answer to a greeting and lets r take frames of the length
// that was agreed. The error is a *RefusedError after GOAWAY.
func ReadAck(r *Reader) (HelloAck, error) {
	h, frame, err := r.ReadFrame()
	if err != nil {
		return HelloAck{}, fmt.Errorf("cannot read the answer to HELLO: %w", err)
	}
	switch h.Type {
	case TypeHelloAck:
	case TypeGoAway:
		return HelloAck{}, &RefusedError{Payload: slices.Clone(Payload(frame))}
	default:
		return HelloAck{}, Violation("%s instead of HELLO_ACK", h.Type)
	}
	var ack HelloAck
	if err := json.Unmarshal(Payload(frame), &ack); err != nil {
		return HelloAck{}, Violation("cannot read HELLO_ACK: %v", err)
	}
	if ack.Version < MinVersion || ack.Version > Version {
		return HelloAck{}, Violation("HELLO_ACK of version %d, this side speaks %d to %d", ack.Version, MinVersion, Version)
	}
	r.SetLimit(MaxPayload)
	return ack, nil
}
