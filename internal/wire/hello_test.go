package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/wire"
)

func TestNegotiate(t *testing.T) {
	ours := wire.NewHello(wire.RoleClient, "us/1")
	newer, older, strange := ours, ours, ours
	newer.Version = 9
	older.Version, older.MinVersion, older.Agent = 0, 0, "old/0"
	strange.MinVersion, strange.Version, strange.Agent = 7, 9, "new/9"
	codecs := ours
	codecs.Codecs = []string{"cbor"}
	tests := []struct {
		name    string
		hello   wire.Hello
		wantErr string
	}{
		{"the same", ours, ""},
		{"newer that speaks ours", newer, ""},
		{"too old", older, "protocol error: no common version: old/0 speaks 0 to 0, it/1 speaks 1 to 1"},
		{"too new", strange, "protocol error: no common version: new/9 speaks 7 to 9, it/1 speaks 1 to 1"},
		{"no codec", codecs, "protocol error: no common codec: us/1 has [cbor], it/1 has [json]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ack, err := wire.Negotiate(tt.hello, "it/1")
			if text := errorText(err); text != tt.wantErr {
				t.Fatalf("Negotiate() = %q, want %q", text, tt.wantErr)
			}
			if err != nil {
				return
			}
			want := wire.HelloAck{
				Version: 1, MaxFrame: 262144, MaxBody: 67108864, Codecs: []string{"json"}, Capabilities: []string{"attach"}, Agent: "it/1",
			}
			if diff := cmp.Diff(want, ack); diff != "" {
				t.Errorf("ack (-want +got):\n%s", diff)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParseHelloRefuses(t *testing.T) {
	for payload, want := range map[string]string{
		`{`:                             "protocol error: cannot read HELLO: unexpected end of JSON input",
		`{"version":1,"min_version":1}`: `protocol error: HELLO of unknown role ""`,
		`{"version":1,"min_version":2,"role":"client"}`: "protocol error: HELLO of versions 2 to 1",
		`{"version":1,"min_version":1,"role":"slot"}`:   "protocol error: HELLO of role slot says nothing about its worker",
	} {
		if _, err := wire.ParseHello([]byte(payload)); errorText(err) != want {
			t.Errorf("ParseHello(%s) = %v, want %s", payload, err, want)
		}
	}
	if _, err := wire.ParseHello([]byte(`{"version":1,"min_version":1,"role":"client","from_the_future":[]}`)); err != nil {
		t.Errorf("unknown members are ignored: %v", err)
	}
}

func TestGreeting(t *testing.T) {
	greeting, err := wire.AppendGreeting(nil, wire.NewHello(wire.RoleClient, "us/1"))
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := bytes.CutPrefix(greeting, []byte(wire.Preface))
	if !ok {
		t.Fatalf("the greeting begins with %q", greeting[:4])
	}
	hello, err := wire.ReadHello(wire.NewReader(bytes.NewReader(rest)))
	if err != nil || hello.Agent != "us/1" {
		t.Errorf("ReadHello() = %+v, %v", hello, err)
	}
	ping := wire.AppendFrame(nil, wire.Header{Type: wire.TypePing}, nil)
	if _, err := wire.ReadHello(wire.NewReader(bytes.NewReader(ping))); errorText(err) != "protocol error: PING before HELLO" {
		t.Errorf("ReadHello of a PING = %v", err)
	}
}

func TestReadAck(t *testing.T) {
	answer := func(typ wire.Type, payload string) *wire.Reader {
		return wire.NewReader(bytes.NewReader(wire.AppendFrame(nil, wire.Header{Type: typ}, []byte(payload))))
	}
	ack, err := wire.ReadAck(answer(wire.TypeHelloAck, `{"version":1,"max_frame":262144}`))
	if err != nil || ack.MaxFrame != wire.MaxPayload {
		t.Errorf("ReadAck() = %+v, %v", ack, err)
	}
	_, err = wire.ReadAck(answer(wire.TypeGoAway, `{"message":"no such worker"}`))
	var refused *wire.RefusedError
	if !errors.As(err, &refused) || !json.Valid(refused.Payload) || err.Error() != "the peer refused the connection: no such worker" {
		t.Errorf("ReadAck after GOAWAY = %v, want a *RefusedError", err)
	}
	for name, r := range map[string]*wire.Reader{
		"another frame":   answer(wire.TypeResult, "{}"),
		"not JSON":        answer(wire.TypeHelloAck, "x"),
		"another version": answer(wire.TypeHelloAck, `{"version":2}`),
		"nothing":         wire.NewReader(bytes.NewReader(nil)),
	} {
		if _, err := wire.ReadAck(r); err == nil {
			t.Errorf("ReadAck of %s: no error", name)
		}
	}
}
