package wire_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/wire"
)

func TestReaderTakesFramesInOrder(t *testing.T) {
	var stream []byte
	stream = wire.AppendFrame(stream, wire.Header{Type: wire.TypePing}, []byte("12345678"))
	stream = wire.AppendFrame(stream, wire.Header{Type: 200, Flags: wire.FlagIgnorable, Stream: 5}, []byte("from the future"))
	stream = wire.AppendFrame(stream, wire.Header{Type: wire.TypeChunk, Flags: wire.FlagEnd, Stream: 9}, bytes.Repeat([]byte("x"), 60_000))

	r := wire.NewReader(bytes.NewReader(stream))
	var got []wire.Header
	for {
		h, frame, err := r.ReadFrame()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(frame) != wire.HeaderSize+int(h.Length) {
			t.Errorf("%s: frame of %d bytes, header says %d", h.Type, len(frame), h.Length)
		}
		got = append(got, h)
	}
	want := []wire.Header{
		{Type: wire.TypePing, Length: 8},
		{Type: wire.TypeChunk, Flags: wire.FlagEnd, Stream: 9, Length: 60_000},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
}

func TestReaderRefuses(t *testing.T) {
	header := func(typ wire.Type, flags wire.Flags, length uint32) []byte {
		return wire.AppendHeader(nil, wire.Header{Type: typ, Flags: flags, Length: length})
	}
	tests := []struct {
		name   string
		stream []byte
		limit  int
		want   string
	}{
		{"too long before hello", header(wire.TypeHello, 0, wire.HelloPayload+1), 0, "protocol error: a HELLO frame of 65537 bytes is longer than the limit of 65536"},
		{"too long after hello", header(wire.TypeCall, 0, wire.MaxPayload+1), wire.MaxPayload, "protocol error: a CALL frame of 262145 bytes is longer than the limit of 262144"},
		{"4 GiB", header(wire.TypeCall, 0, 1<<32-1), wire.MaxPayload, "protocol error: a CALL frame of 4294967295 bytes is longer than the limit of 262144"},
		{"unknown type", header(99, 0, 0), 0, "protocol error: frame of unknown type 99"},
		{"reserved type", header(4, wire.FlagEnd, 0), 0, "protocol error: frame of unknown type 4"},
		{"ignorable and too long", header(99, wire.FlagIgnorable, 1<<20), 0, "protocol error: a type 99 frame of 1048576 bytes is longer than the limit of 65536"},
		{"end inside a header", header(wire.TypePing, 0, 0)[:15], 0, "unexpected EOF"},
		{"end inside a payload", header(wire.TypePing, 0, 8), 0, "unexpected EOF"},
		{"nothing", nil, 0, "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := wire.NewReader(bytes.NewReader(tt.stream))
			if tt.limit > 0 {
				r.SetLimit(tt.limit)
			}
			_, _, err := r.ReadFrame()
			if err == nil || err.Error() != tt.want {
				t.Errorf("ReadFrame() = %v, want %s", err, tt.want)
			}
			var violation *wire.ProtocolError
			if isViolation := errors.As(err, &violation); isViolation == (tt.want == "EOF" || tt.want == "unexpected EOF") {
				t.Errorf("a *ProtocolError: %t", isViolation)
			}
		})
	}
}
