package wire_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/wire"
)

func TestParseCallRefuses(t *testing.T) {
	good, err := wire.AppendCall(nil, &wire.Call{Codec: wire.CodecJSON, Pool: []byte("api"), Command: []byte("echo"), Body: []byte("[1]")})
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, b ...byte) []byte {
		p := bytes.Clone(good)
		copy(p[at:], b)
		return p
	}
	tests := []struct {
		name    string
		payload []byte
		want    string
	}{
		{"empty", nil, "a CALL of 0 bytes is shorter than its envelope"},
		{"one byte short of the strings", good[:27], "a CALL of 27 bytes is shorter than its envelope"},
		{"end inside a length", good[:29], "an envelope ends inside a string's length"},
		{"end inside a string", good[:32], "an envelope ends inside a string of 3 bytes"},
		{"length beyond the payload", change(28, 0xff, 0xff), "an envelope ends inside a string of 65535 bytes"},
		{"not UTF-8", change(30, 0xff), "a string of an envelope is not UTF-8"},
		{"deadline with the top bit", change(7, 0x80), "deadline 9223372036854775808 is out of range"},
		{"strings too long", longStrings(), "the strings of a CALL have 4097 bytes, more than 4096"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := wire.ParseCall(tt.payload)
			var violation *wire.ProtocolError
			if !errors.As(err, &violation) || violation.Message != tt.want {
				t.Errorf("ParseCall() = %v, want a protocol error %q", err, tt.want)
			}
		})
	}
}

func longStrings() []byte {
	p := make([]byte, 28)
	p = append(append(p, 0x01, 0x10), strings.Repeat("p", 0x1001)...)
	return append(p, make([]byte, 8)...)
}

func TestAppendCallRefusesLongStrings(t *testing.T) {
	before := []byte("kept")
	c := wire.Call{Command: bytes.Repeat([]byte("c"), wire.MaxStrings), Session: []byte("s")}
	got, err := wire.AppendCall(before, &c)
	if err == nil || string(got) != "kept" {
		t.Errorf("AppendCall() = %q, %v, want the bytes before and an error", got, err)
	}
	c.Session = nil
	if _, err := wire.AppendCall(nil, &c); err != nil {
		t.Errorf("AppendCall() with %d bytes of strings: %v", wire.MaxStrings, err)
	}
}

func TestParseResultRefuses(t *testing.T) {
	good, err := wire.AppendResult(nil, &wire.Result{Queue: 1, Exec: 2, Codec: wire.CodecJSON, Worker: []byte("w"), Body: []byte("1")})
	if err != nil {
		t.Fatal(err)
	}
	negative := bytes.Clone(good)
	negative[15] = 0xff
	for name, payload := range map[string][]byte{"empty": nil, "short": good[:17], "end inside a length": good[:19], "end inside the worker": good[:20], "times": negative} {
		var violation *wire.ProtocolError
		if _, err := wire.ParseResult(payload); !errors.As(err, &violation) {
			t.Errorf("ParseResult(%s) = %v, want a protocol error", name, err)
		}
	}
}

// The supervisor rewrites three fields of a frame that it forwards, and nothing else.
func TestRewriteInPlace(t *testing.T) {
	call := wire.Call{Deadline: 5, Codec: wire.CodecJSON, Command: []byte("echo"), Body: []byte("[1]")}
	payload, err := wire.AppendCall(nil, &call)
	if err != nil {
		t.Fatal(err)
	}
	frame := wire.AppendFrame(nil, wire.Header{Type: wire.TypeCall, Flags: wire.FlagEnd, Stream: 1}, payload)
	wire.PutStream(frame, 77)
	wire.PutDeadline(wire.Payload(frame), 99)

	call.Deadline = 99
	payload, err = wire.AppendCall(nil, &call)
	if err != nil {
		t.Fatal(err)
	}
	want := wire.AppendFrame(nil, wire.Header{Type: wire.TypeCall, Flags: wire.FlagEnd, Stream: 77}, payload)
	if !bytes.Equal(frame, want) {
		t.Errorf("rewritten frame = %x, want %x", frame, want)
	}
	parsed, err := wire.ParseCall(wire.Payload(frame))
	if err != nil {
		t.Fatal(err)
	}
	if off := parsed.BodyOffset(); string(wire.Payload(frame)[off:]) != "[1]" {
		t.Errorf("BodyOffset() = %d, want where the body begins", off)
	}

	result := wire.AppendFrame(nil, wire.Header{Type: wire.TypeResult}, mustResult(t, wire.Result{Exec: 3, Worker: []byte("w")}))
	wire.PutQueue(wire.Payload(result), 12)
	if got, err := wire.ParseResult(wire.Payload(result)); err != nil || got.Queue != 12 || got.Exec != 3 {
		t.Errorf("after PutQueue: %+v, %v", got, err)
	}
}

func mustResult(t *testing.T, r wire.Result) []byte {
	t.Helper()
	payload, err := wire.AppendResult(nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestBodyInChunksIsJoined(t *testing.T) {
	for _, size := range []int{0, 1, 100, wire.MaxPayload - 50, wire.MaxPayload - 49, wire.MaxPayload, 3*wire.MaxPayload + 1} {
		body := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		var a wire.Assembler
		first, rest := wire.SplitBody(body, 50)
		if err := a.Add(first); err != nil {
			t.Fatal(err)
		}
		frames := 0
		for len(rest) > 0 {
			h, payload, remains := wire.NextChunk(rest, 3)
			if h.End() != (len(remains) == 0) || len(payload) > wire.MaxPayload || h.Stream != 3 {
				t.Fatalf("chunk %d of %d bytes: %+v", frames, size, h)
			}
			if err := a.Add(payload); err != nil {
				t.Fatal(err)
			}
			rest = remains
			frames++
		}
		if got := a.Take(); !bytes.Equal(got, body) {
			t.Errorf("body of %d bytes came back with %d", size, len(got))
		}
	}
}

func TestAssemblerHoldsItsCap(t *testing.T) {
	a := wire.Assembler{Limit: 10}
	if err := a.Add([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	if err := a.Add([]byte("x")); !errors.Is(err, wire.ErrBodyTooLarge) {
		t.Errorf("Add beyond the cap = %v, want ErrBodyTooLarge", err)
	}
	if got := a.Take(); len(got) != 0 {
		t.Errorf("Take() after the cap = %q, want nothing", got)
	}
}

func TestCallIDText(t *testing.T) {
	id := wire.NewCallID()
	if id == wire.NewCallID() {
		t.Error("two ids are equal")
	}
	if got, err := wire.ParseCallID(id.String()); err != nil || got != id {
		t.Errorf("ParseCallID(%s) = %s, %v", id, got, err)
	}
	for _, bad := range []string{"", "00", strings.Repeat("g", 32), strings.Repeat("0", 34)} {
		if _, err := wire.ParseCallID(bad); err == nil {
			t.Errorf("ParseCallID(%q): no error", bad)
		}
	}
}
