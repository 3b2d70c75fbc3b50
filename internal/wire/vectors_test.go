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

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/wire"
	"github.com/snakectl/snakectl/test/golden"
)

// vector is one frame, as bytes and as what they mean. Python writes and reads
// the same form.
type vector struct {
	Name        string        `json:"name"`
	Hex         string        `json:"hex"`
	Type        wire.Type     `json:"type"`
	Flags       wire.Flags    `json:"flags"`
	Stream      uint64        `json:"stream"`
	Attachments uint16        `json:"attachments"`
	Call        *callVector   `json:"call,omitempty"`
	Result      *resultVector `json:"result,omitempty"`
}

type callVector struct {
	Deadline       int64         `json:"deadline"`
	CallID         string        `json:"call_id"`
	Codec          uint8         `json:"codec"`
	Priority       uint8         `json:"priority"`
	Bits           wire.CallBits `json:"bits"`
	Pool           string        `json:"pool"`
	Command        string        `json:"command"`
	Session        string        `json:"session"`
	IdempotencyKey string        `json:"idempotency_key"`
	Traceparent    string        `json:"traceparent"`
	BodyHex        string        `json:"body_hex"`
}

type resultVector struct {
	QueueNS int64  `json:"queue_ns"`
	ExecNS  int64  `json:"exec_ns"`
	Codec   uint8  `json:"codec"`
	Worker  string `json:"worker"`
	BodyHex string `json:"body_hex"`
}

// goVectors encodes the frames of testdata/go.json.
func goVectors(t *testing.T) []vector {
	t.Helper()
	var out []vector
	add := func(name string, h wire.Header, payload []byte) {
		out = append(out, describe(t, name, wire.AppendFrame(nil, h, payload)))
	}
	addJSON := func(name string, h wire.Header, v any) {
		frame, err := wire.AppendJSON(nil, h, v)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, describe(t, name, frame))
	}
	client := wire.NewHello(wire.RoleClient, "snakectl/0.1.0")
	addJSON("hello of a client", wire.Header{Type: wire.TypeHello}, client)
	slot := wire.NewHello(wire.RoleSlot, "snakepit/0.1.0")
	slot.Worker = &wire.HelloWorker{
		Address: "pool.api/0", Incarnation: "7f2c", Token: "00ff", LaunchHash: "ab", PID: 1, StartTime: 2, BootID: "b",
		History: &wire.HelloHistory{
			Kept: []string{exampleID().String()}, Executed: []string{wire.CallID{}.String(), exampleID().String()}, CompleteSinceNS: 1 << 60,
		},
	}
	addJSON("hello of a slot with a kept result", wire.Header{Type: wire.TypeHello}, slot)
	control := wire.NewHello(wire.RoleControl, "snakepit/0.1.0")
	control.Worker = &wire.HelloWorker{
		Address: "pool.api/0", Incarnation: "7f2c", Token: "00ff", LaunchHash: "ab", PID: 1, StartTime: 2, BootID: "b", State: wire.StateReady,
		Running: []wire.HelloCall{{Slot: 0, ID: exampleID().String()}},
	}
	addJSON("hello of a control connection while a call runs", wire.Header{Type: wire.TypeHello}, control)
	addJSON("attach", wire.Header{Type: wire.TypeAttach}, wire.Attach{Calls: []wire.AttachCall{
		{Stream: 1, ID: exampleID().String(), AgeNS: 250_000_000, Pool: `pool.etl["eu"]`, Idempotent: true, DeadlineNS: 1 << 62},
		{Stream: 2, ID: wire.CallID{1}.String()},
	}})
	ack, err := wire.Negotiate(client, "snakectl/0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	addJSON("hello_ack", wire.Header{Type: wire.TypeHelloAck}, ack)
	for _, c := range exampleCalls() {
		payload, err := wire.AppendCall(nil, &c.call)
		if err != nil {
			t.Fatal(err)
		}
		add(c.name, c.header, payload)
	}
	for _, r := range exampleResults() {
		payload, err := wire.AppendResult(nil, &r.result)
		if err != nil {
			t.Fatal(err)
		}
		add(r.name, r.header, payload)
	}
	add("chunk", wire.Header{Type: wire.TypeChunk, Stream: 4}, []byte("[1,"))
	add("last chunk, empty", wire.Header{Type: wire.TypeChunk, Flags: wire.FlagEnd, Stream: 4}, nil)
	add("error", wire.Header{Type: wire.TypeError, Flags: wire.FlagEnd, Stream: 4},
		[]byte(`{"code":2,"category":"raised","origin":"worker","type":"ValueError","message":"no","started":true,"retryable":false}`))
	add("cancel of a client", wire.Header{Type: wire.TypeCancel, Stream: 1<<64 - 1}, nil)
	id := exampleID()
	add("cancel to a worker", wire.Header{Type: wire.TypeCancel}, id[:])
	add("ping", wire.Header{Type: wire.TypePing}, []byte("\x00\x01\x02\x03\xff\xfe\xfd\xfc"))
	add("pong, empty", wire.Header{Type: wire.TypePong}, nil)
	addJSON("event ready", wire.Header{Type: wire.TypeEvent}, wire.Event{
		Event: wire.EventReady, Python: "3.11.7",
		Commands: json.RawMessage(`[{"name":"echo","signature":"(x)","timeout_ms":0,"idempotent":false}]`),
	})
	add("drain", wire.Header{Type: wire.TypeDrain}, nil)
	add("goaway", wire.Header{Type: wire.TypeGoAway},
		[]byte(`{"code":13,"category":"protocol","origin":"supervisor","message":"no","started":false,"retryable":false}`))
	add("attachments announced", wire.Header{Type: wire.TypePing, Attachments: 0x0102}, nil)
	return out
}

func exampleID() wire.CallID {
	return wire.CallID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255}
}

type exampleCall struct {
	name   string
	header wire.Header
	call   wire.Call
}

func exampleCalls() []exampleCall {
	whole := wire.Header{Type: wire.TypeCall, Flags: wire.FlagEnd, Stream: 1}
	return []exampleCall{
		{"call with nothing", whole, wire.Call{Codec: wire.CodecJSON, Command: []byte("echo")}},
		{"call with everything", whole, wire.Call{
			Deadline: 30_000_000_000, ID: exampleID(), Codec: wire.CodecJSON, Priority: 7, Bits: wire.BitIdempotent | wire.BitInterruptible | wire.BitStreaming,
			Pool: []byte(`pool.etl["eu"]`), Command: []byte("resize"), Session: []byte("user-7"), IdempotencyKey: []byte("k-1"),
			Traceparent: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), Body: []byte(`{"path":"a.png","n":[1,2.5,null]}`),
		}},
		{"call beyond ASCII", whole, wire.Call{ID: exampleID(), Codec: wire.CodecJSON, Command: []byte("größe"), Session: []byte("会话"), Body: []byte(`["ä"]`)}},
		{"call that chunks follow", wire.Header{Type: wire.TypeCall, Stream: 1 << 40}, wire.Call{
			Deadline: wire.MaxDeadline, ID: exampleID(), Codec: wire.CodecJSON, Pool: []byte("api"), Command: []byte("load"), Body: []byte(`["`),
		}},
	}
}

type exampleResult struct {
	name   string
	header wire.Header
	result wire.Result
}

func exampleResults() []exampleResult {
	whole := wire.Header{Type: wire.TypeResult, Flags: wire.FlagEnd, Stream: 1}
	return []exampleResult{
		{"result", whole, wire.Result{Queue: 1500, Exec: 2_000_000, Codec: wire.CodecJSON, Worker: []byte("pool.api/0@7f2c"), Body: []byte(`{"ok":true}`)}},
		{"result with nothing", whole, wire.Result{Codec: wire.CodecJSON}},
		{"result that chunks follow", wire.Header{Type: wire.TypeResult, Stream: 2}, wire.Result{Exec: 1, Codec: wire.CodecJSON, Worker: []byte("w"), Body: []byte(`"`)}},
	}
}

// describe decodes one frame into what a vector says about it.
func describe(t *testing.T, name string, frame []byte) vector {
	t.Helper()
	h := wire.ParseHeader(frame)
	v := vector{Name: name, Hex: hex.EncodeToString(frame), Type: h.Type, Flags: h.Flags, Stream: h.Stream, Attachments: h.Attachments}
	switch h.Type {
	case wire.TypeCall:
		c, err := wire.ParseCall(wire.Payload(frame))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		v.Call = &callVector{
			Deadline: c.Deadline, CallID: c.ID.String(), Codec: c.Codec, Priority: c.Priority, Bits: c.Bits, Pool: string(c.Pool), Command: string(c.Command),
			Session: string(c.Session), IdempotencyKey: string(c.IdempotencyKey), Traceparent: string(c.Traceparent), BodyHex: hex.EncodeToString(c.Body),
		}
	case wire.TypeResult:
		r, err := wire.ParseResult(wire.Payload(frame))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		v.Result = &resultVector{QueueNS: r.Queue, ExecNS: r.Exec, Codec: r.Codec, Worker: string(r.Worker), BodyHex: hex.EncodeToString(r.Body)}
	}
	return v
}

// UPDATE=1 writes the file anew; read the difference before it is committed.
func TestVectorsOfGoAreUnchanged(t *testing.T) {
	got, err := json.MarshalIndent(goVectors(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden.File(t, "testdata/go.json", string(got)+"\n")
}

// readVectors returns what each language wrote.
func readVectors(t *testing.T) map[string][]vector {
	t.Helper()
	out := map[string][]vector{}
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var vectors []vector
		if err := json.Unmarshal(data, &vectors); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		out[filepath.Base(path)] = vectors
	}
	for _, language := range []string{"go.json", "python.json"} {
		if len(out[language]) == 0 {
			t.Fatalf("testdata/%s has no vectors", language)
		}
	}
	return out
}

func TestVectorsDecodeSplitAtEveryByte(t *testing.T) {
	for file, vectors := range readVectors(t) {
		t.Run(file, func(t *testing.T) {
			for _, want := range vectors {
				checkVector(t, want)
			}
		})
	}
}

func checkVector(t *testing.T, want vector) {
	t.Helper()
	whole, err := hex.DecodeString(want.Hex)
	if err != nil {
		t.Fatalf("%s: %v", want.Name, err)
	}
	for cut := 0; cut <= len(whole); cut++ {
		r := wire.NewReader(io.MultiReader(bytes.NewReader(whole[:cut]), bytes.NewReader(whole[cut:])))
		if want.Type.Known() {
			_, frame, err := r.ReadFrame()
			if err != nil {
				t.Fatalf("%s cut at %d: %v", want.Name, cut, err)
			}
			if diff := cmp.Diff(want, describe(t, want.Name, frame)); diff != "" {
				t.Fatalf("%s cut at %d (-want +got):\n%s", want.Name, cut, diff)
			}
		} // else it is ignorable, and skipped
		if _, _, err := r.ReadFrame(); !errors.Is(err, io.EOF) {
			t.Fatalf("%s cut at %d: %v after the frame, want EOF", want.Name, cut, err)
		}
	}
}

// The envelope that a vector describes encodes to the vector's own bytes,
// whoever wrote them.
func TestVectorsEncodeToTheSameBytes(t *testing.T) {
	for file, vectors := range readVectors(t) {
		t.Run(file, func(t *testing.T) {
			for _, v := range vectors {
				if got := encode(t, v); got != v.Hex {
					t.Errorf("%s encodes to\n%s, want\n%s", v.Name, got, v.Hex)
				}
			}
		})
	}
}

func encode(t *testing.T, v vector) string {
	t.Helper()
	payload, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	payload = wire.Payload(payload)
	switch {
	case v.Call != nil:
		id, parseErr := wire.ParseCallID(v.Call.CallID)
		if parseErr != nil {
			t.Fatal(parseErr)
		}
		payload, err = wire.AppendCall(nil, &wire.Call{
			Deadline: v.Call.Deadline, ID: id, Codec: v.Call.Codec, Priority: v.Call.Priority, Bits: v.Call.Bits, Pool: []byte(v.Call.Pool),
			Command: []byte(v.Call.Command), Session: []byte(v.Call.Session), IdempotencyKey: []byte(v.Call.IdempotencyKey),
			Traceparent: []byte(v.Call.Traceparent), Body: unhex(t, v.Call.BodyHex),
		})
	case v.Result != nil:
		payload, err = wire.AppendResult(nil, &wire.Result{
			Queue: v.Result.QueueNS, Exec: v.Result.ExecNS, Codec: v.Result.Codec, Worker: []byte(v.Result.Worker), Body: unhex(t, v.Result.BodyHex),
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	h := wire.Header{Type: v.Type, Flags: v.Flags, Stream: v.Stream, Attachments: v.Attachments}
	return hex.EncodeToString(wire.AppendFrame(nil, h, payload))
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
