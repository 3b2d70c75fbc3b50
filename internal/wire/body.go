package wire

import "errors"

// ErrBodyTooLarge says that a body exceeds its cap.
var ErrBodyTooLarge = errors.New("the body is too large")

// Assembler joins the parts of a body that came in several frames. Its zero
// value takes MaxBody bytes.
type Assembler struct {
	// Limit is the cap; 0 means MaxBody.
	Limit int
	body  []byte
}

// Add copies the next part. Beyond the cap it returns ErrBodyTooLarge and drops
// everything: parts that still follow are counted for nothing.
func (a *Assembler) Add(part []byte) error {
	limit := a.Limit
	if limit == 0 {
		limit = MaxBody
	}
	if len(a.body)+len(part) > limit {
		a.body = nil
		return ErrBodyTooLarge
	}
	a.body = append(a.body, part...)
	return nil
}

// Take returns the whole body, which the Assembler then forgets. It is never nil.
func (a *Assembler) Take() []byte {
	body := a.body
	a.body = nil
	if body == nil {
		body = []byte{}
	}
	return body
}

// SplitBody returns the part of body that goes into a first frame whose payload
// already holds used bytes, and the rest, which goes into CHUNK frames.
func SplitBody(body []byte, used int) (first, rest []byte) {
	n := min(len(body), max(MaxPayload-used, 0))
	return body[:n], body[n:]
}

// NextChunk returns the header and the payload of the next CHUNK frame of rest,
// and what remains then. The header carries END when nothing does.
func NextChunk(rest []byte, stream uint64) (h Header, payload, remains []byte) {
	payload, remains = SplitBody(rest, 0)
	h = Header{Length: uint32(len(payload)), Type: TypeChunk, Stream: stream}
	if len(remains) == 0 {
		h.Flags = FlagEnd
	}
	return h, payload, remains
}
