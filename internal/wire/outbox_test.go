package wire_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/wire"
)

// socketPair returns the two ends of a Unix connection.
func socketPair(t testing.TB) (a, b *net.UnixConn) {
	t.Helper()
	l, err := wire.ListenUnix(filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err = wire.DialUnix(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err = l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = a.Close()
		_ = b.Close()
	})
	return a, b
}

// chunk returns a CHUNK frame whose payload repeats the low byte of the stream.
func chunk(stream uint64, size int) []byte {
	return wire.AppendFrame(nil, wire.Header{Type: wire.TypeChunk, Stream: stream}, bytes.Repeat([]byte{byte(stream)}, size))
}

func TestOutboxRefusesWhatAPeerDoesNotRead(t *testing.T) {
	near, far := socketPair(t)
	const limit = wire.HeaderSize + wire.MaxPayload + 1
	o := wire.NewOutbox(near, limit)
	defer o.Close()

	sent := 0
	frame := chunk(7, 40_000)
	for ; ; sent++ {
		err := o.Send(frame)
		if errors.Is(err, wire.ErrOverflow) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if o.Buffered() > limit {
			t.Fatalf("%d bytes are buffered, more than %d", o.Buffered(), limit)
		}
	}
	if sent < 2 {
		t.Fatalf("%d frames were taken before the first was refused", sent)
	}

	// The peer reads again: what was taken arrives whole, what was refused never.
	read := make(chan int)
	go func() { read <- countFrames(far, frame) }()
	if err := o.Wait(t.Context().Done(), 0); err != nil {
		t.Fatal(err)
	}
	if err := o.Send(frame); err != nil {
		t.Errorf("Send after the peer read: %v", err)
	}
	if err := o.Wait(t.Context().Done(), 0); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != sent+1 {
		t.Errorf("the peer read %d frames, want %d", got, sent+1)
	}
}

// countFrames reads frames until the connection ends; -1 when one is not like want.
func countFrames(conn io.Reader, want []byte) int {
	r := wire.NewReader(conn)
	r.SetLimit(wire.MaxPayload)
	for n := 0; ; n++ {
		_, frame, err := r.ReadFrame()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil || !bytes.Equal(frame, want) {
			return -1
		}
	}
}

// Many senders, a reader that reads by odd pieces: every frame arrives whole and
// each sender's frames in its order.
func TestOutboxKeepsFramesWholeAndInOrder(t *testing.T) {
	for name, pair := range map[string]func(testing.TB) (net.Conn, net.Conn){
		"unix": func(t testing.TB) (net.Conn, net.Conn) { a, b := socketPair(t); return a, b },
		"pipe": func(testing.TB) (net.Conn, net.Conn) { return net.Pipe() },
	} {
		t.Run(name, func(t *testing.T) {
			near, far := pair(t)
			o := wire.NewOutbox(near, 300_000)
			const senders, frames = 8, 200
			var all sync.WaitGroup
			for s := range senders {
				all.Go(func() {
					sizes := rand.New(rand.NewPCG(1, uint64(s)))
					for i := range frames {
						stream := uint64(s)<<32 | uint64(i)
						frame := chunk(stream, sizes.IntN(20_000))
						if err := sendPatiently(t, o, frame[:wire.HeaderSize], frame[wire.HeaderSize:]); err != nil {
							t.Errorf("sender %d: %v", s, err)
							return
						}
					}
				})
			}
			next := [senders]uint64{}
			r := wire.NewReader(&oddReader{src: far, rand: rand.New(rand.NewPCG(3, 4))})
			for range senders * frames {
				h, frame, err := r.ReadFrame()
				if err != nil {
					t.Fatal(err)
				}
				s, i := h.Stream>>32, h.Stream&(1<<32-1)
				if i != next[s] {
					t.Fatalf("sender %d: frame %d after %d", s, i, next[s])
				}
				next[s]++
				if want := chunk(h.Stream, int(h.Length)); !bytes.Equal(frame, want) {
					t.Fatalf("sender %d: frame %d is damaged", s, i)
				}
			}
			all.Wait()
			if err := o.Close(); err != nil {
				t.Error(err)
			}
			_ = far.Close()
		})
	}
}

func sendPatiently(t *testing.T, o *wire.Outbox, parts ...[]byte) error {
	for {
		err := o.Send(parts...)
		if !errors.Is(err, wire.ErrOverflow) {
			return err
		}
		if err := o.Wait(t.Context().Done(), 100_000); err != nil {
			return err
		}
	}
}

// oddReader reads at most a few hundred bytes at a time.
type oddReader struct {
	src  io.Reader
	rand *rand.Rand
}

func (r *oddReader) Read(p []byte) (int, error) {
	return r.src.Read(p[:min(len(p), 1+r.rand.IntN(3000))])
}

func TestOutboxWait(t *testing.T) {
	near, far := net.Pipe() // takes nothing until somebody reads
	o := wire.NewOutbox(near, 1000)
	defer o.Close()
	if err := o.Send(chunk(1, 100)); err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := o.Wait(stopped.Done(), 0); !errors.Is(err, wire.ErrStopped) {
		t.Errorf("Wait with a closed channel = %v, want ErrStopped", err)
	}
	if err := o.Wait(nil, 500); err != nil {
		t.Errorf("Wait below the mark = %v", err)
	}
	waited := make(chan error)
	go func() { waited <- o.Wait(nil, 0) }()
	_ = far.Close()
	if err := <-waited; err == nil {
		t.Error("Wait on a broken connection: no error")
	}
	if err := o.Send(chunk(1, 1)); err == nil {
		t.Error("Send on a broken connection: no error")
	}
}

func TestOutboxCloseEndsAFlushThatIsStuck(t *testing.T) {
	near, _ := socketPair(t)
	o := wire.NewOutbox(near, 1<<20)
	for o.Buffered() == 0 {
		if err := o.Send(chunk(1, 100_000)); err != nil {
			t.Fatal(err)
		}
	}
	waited := make(chan error)
	go func() { waited <- o.Wait(nil, 0) }()
	done := make(chan error)
	go func() { done <- o.Close() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Close hangs")
	}
	if err := <-waited; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Wait = %v, want net.ErrClosed", err)
	}
	if err := o.Send(chunk(1, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send after Close = %v, want net.ErrClosed", err)
	}
}

// A path that is taken by every call allocates nothing.
func TestFastPathsDoNotAllocate(t *testing.T) {
	near, far := socketPair(t)
	o := wire.NewOutbox(near, 1<<20)
	defer o.Close()
	r := wire.NewReader(far)
	payload, err := wire.AppendCall(nil, &wire.Call{Codec: wire.CodecJSON, Pool: []byte("pool.api"), Command: []byte("echo"), Body: make([]byte, 100)})
	if err != nil {
		t.Fatal(err)
	}
	frame := wire.AppendFrame(nil, wire.Header{Type: wire.TypeCall, Flags: wire.FlagEnd, Stream: 1}, payload)
	round := func() {
		if err := o.Send(frame); err != nil {
			t.Fatal(err)
		}
		_, got, err := r.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		call, err := wire.ParseCall(wire.Payload(got))
		if err != nil || string(call.Command) != "echo" {
			t.Fatalf("%s, %v", call.Command, err)
		}
		wire.PutStream(got, 5)
		wire.PutDeadline(wire.Payload(got), wire.Monotonic())
	}
	round()
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("send, read and parse allocate %v times, want 0", n)
	}
}

func BenchmarkSendReadParse(b *testing.B) {
	near, far := socketPair(b)
	o := wire.NewOutbox(near, 1<<20)
	defer o.Close()
	r := wire.NewReader(far)
	payload, err := wire.AppendCall(nil, &wire.Call{Codec: wire.CodecJSON, Pool: []byte("pool.api"), Command: []byte("echo"), Body: make([]byte, 100)})
	if err != nil {
		b.Fatal(err)
	}
	frame := wire.AppendFrame(nil, wire.Header{Type: wire.TypeCall, Flags: wire.FlagEnd, Stream: 1}, payload)
	b.ReportAllocs()
	for b.Loop() {
		if err := o.Send(frame); err != nil {
			b.Fatal(err)
		}
		_, got, err := r.ReadFrame()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := wire.ParseCall(wire.Payload(got)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadChunks(b *testing.B) {
	stream := bytes.Repeat(chunk(1, wire.MaxPayload), 16)
	src := bytes.NewReader(stream)
	r := wire.NewReader(src)
	r.SetLimit(wire.MaxPayload)
	b.ReportAllocs()
	b.SetBytes(wire.MaxPayload)
	for b.Loop() {
		if src.Len() == 0 {
			src.Reset(stream)
		}
		if _, _, err := r.ReadFrame(); err != nil {
			b.Fatal(err)
		}
	}
}
