package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/snakectl/snakectl/internal/wire"
)

// direct is a worker of the SDK without a supervisor: this process holds the
// other end of its slot, so that a call costs two writes and two reads.
type direct struct {
	worker *exec.Cmd
	relay  *exec.Cmd // in between; nil for none
	links  []net.Conn
	slot   net.Conn
	reader *wire.Reader
	buf    []byte
	stream uint64
}

// startDirect starts a worker with the adapter of dir. With a relay program the
// worker's connections go through it.
func startDirect(ctx context.Context, python, sdk, dir, relay string) (d *direct, err error) {
	d = &direct{}
	defer func() {
		if err != nil {
			d.stop()
		}
	}()
	name := "direct"
	if relay != "" {
		name = "relayed"
	}
	target := filepath.Join(dir, name+".sock")
	l, err := wire.ListenUnix(target)
	if err != nil {
		return d, err
	}
	defer l.Close()
	if relay != "" {
		front := filepath.Join(dir, "relay.sock")
		if d.relay, err = startRelay(ctx, relay, front, target); err != nil {
			return d, err
		}
		target = front
	}
	if err := d.launch(ctx, python, sdk, dir, target); err != nil {
		return d, err
	}
	if err := l.SetDeadline(time.Now().Add(startLimit)); err != nil {
		return d, err
	}
	control, r, err := d.accept(l)
	if err != nil {
		return d, err
	}
	if err := awaitReady(control, r); err != nil {
		return d, err
	}
	d.slot, d.reader, err = d.accept(l)
	return d, err
}

func (d *direct) launch(ctx context.Context, python, sdk, dir, socket string) error {
	document, err := json.Marshal(map[string]any{
		"version": 1, "socket": socket, "address": "pool.direct/0", "incarnation": "0000", "token": "00",
		"adapter": "./adapter.py", "code_root": dir, "orphan_grace_ms": 100,
	})
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := exec.CommandContext(ctx, python, filepath.Join(sdk, "snakepit"), "worker", "pool.direct/0")
	cmd.Dir, cmd.Stderr, cmd.ExtraFiles = dir, os.Stderr, []*os.File{r}
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("cannot start a worker: %w", err), w.Close())
	}
	d.worker = cmd
	_, err = w.Write(document) // fits into the pipe
	return errors.Join(err, w.Close())
}

// accept takes the worker's next connection and answers its hello.
func (d *direct) accept(l *wire.Listener) (net.Conn, *wire.Reader, error) {
	accepted, err := l.AcceptUnix()
	if err != nil {
		return nil, nil, fmt.Errorf("the worker does not connect: %w", err)
	}
	conn, err := wire.Own(accepted) // what the product does with its connections
	if err != nil {
		return nil, nil, errors.Join(err, accepted.Close())
	}
	d.links = append(d.links, conn)
	if _, _, err := wire.Sniff(conn); err != nil {
		return nil, nil, err
	}
	r := wire.NewReader(conn)
	hello, err := wire.ReadHello(r)
	if err != nil {
		return nil, nil, err
	}
	ack, err := wire.Negotiate(hello, "bench")
	if err != nil {
		return nil, nil, err
	}
	frame, err := wire.AppendJSON(nil, wire.Header{Type: wire.TypeHelloAck}, ack)
	if err != nil {
		return nil, nil, err
	}
	r.SetLimit(wire.MaxPayload)
	_, err = conn.Write(frame)
	return conn, r, err
}

func awaitReady(conn net.Conn, r *wire.Reader) error {
	if err := conn.SetReadDeadline(time.Now().Add(startLimit)); err != nil {
		return err
	}
	_, frame, err := r.ReadFrame()
	if err != nil {
		return fmt.Errorf("the worker does not get ready: %w", err)
	}
	var event wire.Event
	if err := json.Unmarshal(wire.Payload(frame), &event); err != nil || event.Event != wire.EventReady {
		return fmt.Errorf("the worker does not get ready: %s", wire.Payload(frame))
	}
	return nil
}

// call executes a command and throws the result away.
func (d *direct) call(_ context.Context, command string, args json.RawMessage) error {
	d.stream++
	envelope := wire.Call{ID: wire.NewCallID(), Codec: wire.CodecJSON, Command: []byte(command)}
	frame, err := wire.AppendCall(append(d.buf[:0], make([]byte, wire.HeaderSize)...), &envelope)
	if err != nil {
		return err
	}
	part, rest := wire.SplitBody(args, len(frame)-wire.HeaderSize)
	frame = append(frame, part...)
	d.buf = frame
	h := wire.Header{Type: wire.TypeCall, Stream: d.stream, Length: uint32(len(frame) - wire.HeaderSize)}
	if len(rest) == 0 {
		h.Flags = wire.FlagEnd
	}
	wire.AppendHeader(frame[:0], h)
	if _, err := d.slot.Write(frame); err != nil {
		return err
	}
	for len(rest) > 0 {
		var payload []byte
		h, payload, rest = wire.NextChunk(rest, d.stream)
		parts := net.Buffers{wire.AppendHeader(nil, h), payload}
		if _, err := parts.WriteTo(d.slot); err != nil {
			return err
		}
	}
	return d.receive()
}

func (d *direct) receive() error {
	var body wire.Assembler
	for {
		h, frame, err := d.reader.ReadFrame()
		if err != nil {
			return err
		}
		if h.Type == wire.TypeError {
			return fmt.Errorf("the worker failed: %s", wire.Payload(frame))
		}
		if err := body.Add(wire.Payload(frame)); err != nil {
			return err
		}
		if h.End() {
			if got := body.Take(); len(got) == 0 || bytes.Equal(got, []byte("null")) {
				return errors.New("the worker returned nothing")
			}
			return nil
		}
	}
}

// stop drains the worker and waits for it.
func (d *direct) stop() {
	if d.slot != nil {
		_, _ = d.slot.Write(wire.AppendHeader(nil, wire.Header{Type: wire.TypeDrain}))
	}
	if d.worker != nil {
		kill := time.AfterFunc(startLimit, func() { _ = d.worker.Process.Kill() })
		_ = d.worker.Wait()
		kill.Stop()
	}
	for _, c := range d.links {
		_ = c.Close()
	}
	if d.relay != nil {
		_ = d.relay.Process.Kill()
		_ = d.relay.Wait()
	}
}
