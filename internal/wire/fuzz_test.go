package wire_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/snakectl/snakectl/internal/wire"
)

// seed adds the vectors of Go to a fuzz target: whole frames, or the payloads of
// one type.
func seed(f *testing.F, only wire.Type) {
	f.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "go.json"))
	if err != nil {
		f.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(data, &vectors); err != nil {
		f.Fatal(err)
	}
	for _, v := range vectors {
		b, err := hex.DecodeString(v.Hex)
		if err != nil {
			f.Fatal(err)
		}
		switch only {
		case 0:
			f.Add(b)
		case v.Type:
			f.Add(wire.Payload(b))
		}
	}
}

// However bytes are cut into reads, the same frames and the same end come out,
// and a Reader holds no more memory than one frame may have.
func FuzzReader(f *testing.F) {
	seed(f, 0)
	f.Fuzz(func(t *testing.T, stream []byte) {
		frames, end := readAll(bytes.NewReader(stream))
		again, endAgain := readAll(iotest.OneByteReader(bytes.NewReader(stream)))
		if !bytes.Equal(frames, again) || end.Error() != endAgain.Error() {
			t.Errorf("whole: %x, %v; byte by byte: %x, %v", frames, end, again, endAgain)
		}
		var violation *wire.ProtocolError
		if !errors.Is(end, io.EOF) && !errors.Is(end, io.ErrUnexpectedEOF) && !errors.As(end, &violation) {
			t.Errorf("the end is %v", end)
		}
	})
}

func readAll(src io.Reader) (frames []byte, end error) {
	r := wire.NewReader(src)
	for {
		_, frame, err := r.ReadFrame()
		if err != nil {
			return frames, err
		}
		frames = append(frames, frame...)
	}
}

// What parses encodes to the same bytes, but for the reserved byte.
func FuzzParseCall(f *testing.F) {
	seed(f, wire.TypeCall)
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, err := wire.ParseCall(payload)
		if err != nil {
			return
		}
		got, err := wire.AppendCall(nil, &c)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(payload)
		want[27] = 0
		if !bytes.Equal(got, want) || len(payload)-c.BodyOffset() != len(c.Body) {
			t.Errorf("encodes to %x, want %x", got, want)
		}
	})
}

// What parses encodes to the same bytes, but for the reserved byte.
func FuzzParseResult(f *testing.F) {
	seed(f, wire.TypeResult)
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := wire.ParseResult(payload)
		if err != nil || len(r.Worker) > wire.MaxStrings {
			return
		}
		got, err := wire.AppendResult(nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(payload)
		want[17] = 0
		if !bytes.Equal(got, want) {
			t.Errorf("encodes to %x, want %x", got, want)
		}
	})
}

// A HELLO that parses either gets an answer within what both sides offer or a
// protocol error.
func FuzzHello(f *testing.F) {
	seed(f, wire.TypeHello)
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, err := wire.ParseHello(payload)
		if err != nil {
			return
		}
		ack, err := wire.Negotiate(h, "fuzz")
		if err != nil {
			if _, ok := errors.AsType[*wire.ProtocolError](err); !ok {
				t.Errorf("Negotiate() = %v", err)
			}
			return
		}
		if ack.Version < h.MinVersion || ack.Version > h.Version || ack.Version != wire.Version {
			t.Errorf("version %d for %d to %d", ack.Version, h.MinVersion, h.Version)
		}
	})
}
