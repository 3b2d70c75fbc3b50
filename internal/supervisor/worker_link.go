package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

const (
	// workerBuffer is the room for a call that a worker does not read yet: one whole
	// body and what belongs to it.
	workerBuffer = wire.MaxBody + 1<<20
	// helloWithin is how long a connecting worker may take to say who it is.
	helloWithin = 10 * time.Second
)

// serveWorkers accepts worker connections until the listener is closed.
func (s *Supervisor) serveWorkers(ctx context.Context, l *wire.Listener) error {
	return l.AcceptEach(func(conn *net.UnixConn) {
		s.links.Go(func() { s.serveWorker(ctx, conn) })
	}, func(err error) { s.log.Warn("cannot accept workers for now", "err", err) })
}

// serveWorker serves one connection of one worker until it ends.
func (s *Supervisor) serveWorker(ctx context.Context, accepted *net.UnixConn) {
	if err := ofOurUser(accepted); err != nil {
		s.log.Warn("refused a worker connection", "err", err)
		_ = accepted.Close()
		return
	}
	conn, err := wire.Own(accepted)
	if err != nil {
		s.log.Error("cannot serve a worker connection", "err", err)
		_ = accepted.Close()
		return
	}
	out := wire.NewOutbox(conn, workerBuffer)
	defer out.Close()
	stop := context.AfterFunc(ctx, func() { _ = out.Close() })
	defer stop()
	_ = conn.SetReadDeadline(time.Now().Add(helloWithin))
	r := wire.NewReader(conn)
	hello, w, err := s.identify(conn, r)
	if err != nil {
		s.log.Debug("refused a worker connection", "err", err)
		sendGoAway(out, err)
		_ = out.Wait(nil, 0)
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	if err := s.acknowledge(out, r, hello); err != nil {
		return
	}
	if hello.Role == wire.RoleControl {
		err = w.serveControl(out, r, hello)
	} else {
		err = w.serveSlot(conn, out, r, hello)
	}
	if violation, ok := errors.AsType[*wire.ProtocolError](err); ok {
		s.log.Warn("worker broke the protocol", "worker", w.incarnation(), "err", err)
		sendGoAway(out, violation)
	}
}

// ofOurUser returns an error when somebody else than the supervisor's own user, or
// root, is at the other end.
func ofOurUser(conn *net.UnixConn) error {
	cred, known, err := wire.PeerCred(conn)
	if err != nil {
		return err
	}
	if known && cred.UID != uint32(os.Getuid()) && cred.UID != 0 {
		return wire.Violation("uid %d may not connect here", cred.UID)
	}
	return nil
}

// identify reads the preface and HELLO and finds the worker that proves to be who
// it says.
func (s *Supervisor) identify(conn net.Conn, r *wire.Reader) (wire.Hello, *workerEntry, error) {
	preface := make([]byte, len(wire.Preface))
	if _, err := io.ReadFull(conn, preface); err != nil || string(preface) != wire.Preface {
		return wire.Hello{}, nil, wire.Violation("the connection does not begin with %s", wire.Preface)
	}
	hello, err := wire.ReadHello(r)
	if err != nil {
		return hello, nil, err
	}
	if hello.Worker == nil {
		return hello, nil, wire.Violation("a connection of role %s does not belong on this socket", hello.Role)
	}
	w := s.directory.find(hello.Worker.Token)
	if w != nil {
		<-w.known
	}
	switch told := hello.Worker; {
	case w == nil:
		return hello, nil, wire.Violation("no worker of this supervisor has the token of %s@%s", told.Address, told.Incarnation)
	case told.Address != w.rec.Address() || told.Incarnation != w.rec.Incarnation || told.LaunchHash != w.rec.LaunchHash,
		told.PID != w.rec.PID || told.BootID != w.rec.BootID || (w.rec.StartTime != 0 && told.StartTime != w.rec.StartTime):
		return hello, nil, wire.Violation("%s@%s is not the process that was recorded", told.Address, told.Incarnation)
	}
	return hello, w, nil
}

func (s *Supervisor) acknowledge(out *wire.Outbox, r *wire.Reader, hello wire.Hello) error {
	ack, err := wire.Negotiate(hello, s.agent())
	if err != nil {
		sendGoAway(out, err)
		return err
	}
	ack.OrphanGraceMS = s.settings.Load().OrphanGrace.D().Milliseconds()
	frame, err := wire.AppendJSON(nil, wire.Header{Type: wire.TypeHelloAck}, ack)
	if err != nil {
		return err
	}
	r.SetLimit(wire.MaxPayload)
	return out.Send(frame)
}

// serveControl reads a worker's control connection until it ends.
func (w *workerEntry) serveControl(out *wire.Outbox, r *wire.Reader, hello wire.Hello) error {
	running, err := hello.Worker.Executing()
	if err != nil {
		return err
	}
	past, err := hello.Worker.Past()
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.control = out
	w.mu.Unlock()
	for _, id := range running { // only a worker with one slot tells of it here
		w.slots.dispatcher.ledger.executing(w.slots.all[0], id, past)
	}
	if hello.Worker.State == wire.StateReady {
		w.initialised(hello.Worker.Python, hello.Worker.GIL, hello.Worker.Commands)
	} else {
		w.runner.happened(w, pool.WorkerHello)
	}
	ping := wire.AppendFrame(nil, wire.Header{Type: wire.TypePing}, nil)
	_ = out.Send(ping)
	w.reached(func(st *stage) { st.hello = true })
	err = w.readControl(r)
	if w.hangUp(out) {
		w.runner.happened(w, pool.WorkerLost)
	}
	return err
}

func (w *workerEntry) readControl(r *wire.Reader) error {
	for {
		h, frame, err := r.ReadFrame()
		if err != nil {
			return err
		}
		switch h.Type {
		case wire.TypePong:
			w.ponged()
			w.reached(func(st *stage) { st.healthy = true })
		case wire.TypeEvent:
			if err := w.takeEvent(wire.Payload(frame)); err != nil {
				return err
			}
		case wire.TypePing:
			w.sendControl(wire.AppendFrame(nil, wire.Header{Type: wire.TypePong}, wire.Payload(frame)))
		default:
			return wire.Violation("a worker does not send %s on its control connection", h.Type)
		}
	}
}

func (w *workerEntry) takeEvent(payload []byte) error {
	var e wire.Event
	if err := json.Unmarshal(payload, &e); err != nil {
		return wire.Violation("cannot read an EVENT: %v", err)
	}
	switch e.Event {
	case wire.EventReady:
		w.initialised(e.Python, e.GIL, e.Commands)
	case wire.EventFailed:
		failure := &pool.CallError{}
		if err := json.Unmarshal(e.Error, failure); err != nil {
			return wire.Violation("cannot read the error of an EVENT: %v", err)
		}
		w.mu.Lock()
		w.failure = failure
		w.mu.Unlock()
	case wire.EventGIL:
		w.gilCameOn(e.Modules)
	case wire.EventUnsafe:
		if e.Finding != nil {
			w.runner.send(unsafeWrite{w, *e.Finding})
		}
	case wire.EventRunning:
		return w.executes(&e)
	case wire.EventMemory:
		w.runner.caretaker.grew(w)
	case wire.EventProgress:
		w.progressed(e)
	}
	return nil
}

// executes takes up which call one of several slots executes.
func (w *workerEntry) executes(e *wire.Event) error {
	s := w.slots.at(e.Slot)
	if s == nil {
		return wire.Violation("%s has %d slots, and says that number %d executes a call", w.incarnation(), len(w.slots.all), e.Slot)
	}
	id, err := wire.ParseCallID(e.Call)
	if err != nil {
		return err
	}
	past, err := e.History.Read()
	if err != nil {
		return err
	}
	s.dispatcher.ledger.executing(s, id, past)
	return nil
}

func (w *workerEntry) initialised(python string, gil *bool, commands json.RawMessage) {
	var list []pool.CommandInfo
	if err := json.Unmarshal(commands, &list); err != nil {
		w.runner.sup.log.Warn("cannot read the commands of a worker", "worker", w.incarnation(), "err", err)
	}
	w.mu.Lock()
	w.python, w.gil, w.commands = python, gil, list
	first := !w.stage.initialised && !w.stage.answered
	w.mu.Unlock()
	if first {
		w.tellInitialized()
	}
	w.reached(func(st *stage) { st.initialised = true })
}

// reached notes progress and tells the pool loop when the worker is ready.
func (w *workerEntry) reached(note func(*stage)) {
	if ready, again := w.reach(note); ready {
		event := pool.WorkerAnswered
		if again {
			event = pool.WorkerReturned
		}
		w.runner.happened(w, event)
	}
}

// serveSlot reads a slot's connection until it ends.
func (w *workerEntry) serveSlot(conn net.Conn, out *wire.Outbox, r *wire.Reader, hello wire.Hello) error {
	s := w.slots.at(hello.Worker.Slot)
	if s == nil {
		return wire.Violation("%s has %d slots, numbered from 0; it connected slot %d", w.incarnation(), len(w.slots.all), hello.Worker.Slot)
	}
	past, err := hello.Worker.Past()
	if err != nil {
		return err
	}
	s.resume(hello.Worker.Calls)
	if s.connect(out, past) {
		w.reached(func(st *stage) { st.unlinked-- })
	}
	stop := w.runner.sup.slotBrake.join(conn)
	err = w.readSlot(s, out, r, past.Kept, stop)
	stop.leave()
	s.lost(out)
	return err
}

// readSlot reads answers: first those of the kept calls, in their order, then those of
// the calls that were sent on this connection.
func (w *workerEntry) readSlot(s *slot, out *wire.Outbox, r *wire.Reader, kept []wire.CallID, stop *braked) error {
	half := false // an answer has begun
	for {
		if !half {
			stop.pass()
		}
		h, frame, err := r.ReadFrame()
		if stop.caught(err) {
			continue
		}
		if err != nil {
			return err
		}
		switch h.Type {
		case wire.TypeResult, wire.TypeChunk, wire.TypeError:
			half = !h.End() && h.Type != wire.TypeError
			if len(kept) > 0 {
				if s.dispatcher.ledger.take(kept[0], h, frame) {
					kept = kept[1:]
				}
				continue
			}
			if err := s.answer(h, frame); err != nil {
				return err
			}
		case wire.TypePing:
			if err := out.Send(wire.AppendFrame(nil, wire.Header{Type: wire.TypePong}, wire.Payload(frame))); err != nil {
				return err
			}
		case wire.TypePong:
		default:
			return wire.Violation("a worker does not send %s on a slot connection", h.Type)
		}
	}
}
