package wire

import "encoding/json"

// CapabilityAttach is what a client and a supervisor name in HELLO and HELLO_ACK
// when they know ATTACH.
const CapabilityAttach = "attach"

// maxAttach bounds the calls of one ATTACH: what a frame has room for.
const maxAttach = 1024

// Attach is the payload of an ATTACH frame: the calls of a client whose connection
// ended before they were answered.
type Attach struct {
	Calls []AttachCall `json:"calls"`
}

// AttachCall is one call that its client wants the answer of.
type AttachCall struct {
	// Stream is the one that the answer comes on.
	Stream uint64 `json:"stream"`
	// ID is the hexadecimal call id.
	ID string `json:"id"`
	// AgeNS is how long ago the client began to send the call, for the last time.
	AgeNS int64 `json:"age_ns"`
	// Pool is what the call named.
	Pool string `json:"pool"`
	// Idempotent: the client would rather send the call again than not know.
	Idempotent bool `json:"idempotent"`
	// DeadlineNS is the time that remains; 0 leaves it to the pool.
	DeadlineNS int64 `json:"deadline_ns"`
}

// ParseAttach reads the payload of an ATTACH frame. The error is a *ProtocolError.
func ParseAttach(payload []byte) (Attach, error) {
	var a Attach
	if err := json.Unmarshal(payload, &a); err != nil {
		return Attach{}, Violation("cannot read ATTACH: %v", err)
	}
	if len(a.Calls) == 0 || len(a.Calls) > maxAttach {
		return Attach{}, Violation("an ATTACH of %d calls; it takes 1 to %d", len(a.Calls), maxAttach)
	}
	for _, c := range a.Calls {
		if _, err := ParseCallID(c.ID); err != nil {
			return Attach{}, err
		}
		if c.AgeNS < 0 || c.AgeNS > MaxDeadline || c.DeadlineNS < 0 || c.DeadlineNS > MaxDeadline {
			return Attach{}, Violation("the times of call %s are out of range", c.ID)
		}
	}
	return a, nil
}
