package supervisor

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// TestStage follows the connections of a worker through its life.
func TestStage(t *testing.T) {
	w := &workerEntry{stage: stage{unlinked: 2}}
	for i, note := range []func(*stage){
		func(s *stage) { s.hello = true }, func(s *stage) { s.healthy = true }, func(s *stage) { s.initialised = true },
		func(s *stage) { s.unlinked-- },
	} {
		if ready, _ := w.reach(note); ready {
			t.Fatalf("ready after step %d, without all its slots", i)
		}
	}
	if ready, again := w.reach(func(s *stage) { s.unlinked-- }); !ready || again {
		t.Fatalf("reach = %v, %v, want ready for the first time", ready, again)
	}
	if !w.lose(func(s *stage) { s.hello, s.healthy = false, false }) {
		t.Error("a worker without a control connection is not lost")
	}
	if ready, again := w.reach(func(s *stage) { s.hello, s.healthy = true, true }); !ready || !again {
		t.Errorf("reach = %v, %v, want ready again", ready, again)
	}
}

// TestFormerControlConnection ends after its successor began: that changes nothing.
func TestFormerControlConnection(t *testing.T) {
	b := newSwitchboard(t)
	a, _ := b.pair(t)
	c, _ := b.pair(t)
	former, current := wire.NewOutbox(a, workerBuffer), wire.NewOutbox(c, workerBuffer)
	complete := stage{hello: true, initialised: true, healthy: true, answered: true}
	w := &workerEntry{control: current, stage: complete}
	if w.hangUp(former) || w.control != current || w.stage != complete {
		t.Errorf("the end of a former connection changed the worker: %+v", w.stage)
	}
	if !w.hangUp(current) || w.control != nil {
		t.Error("the end of the control connection was not noticed")
	}
}

func newTestSupervisor(d *dispatcher) *Supervisor {
	s := &Supervisor{log: discard, clients: clients{brake: newBrake(), links: map[*clientLink]struct{}{}}, slotBrake: newBrake()}
	s.routes.set(map[string]*dispatcher{"pool.api": d}, "pool.api")
	return s
}

// TestAssemblyBudget: whatever becomes of a call that arrives in pieces, what it
// held is given back once.
func TestAssemblyBudget(t *testing.T) {
	payload, err := wire.AppendCall(nil, &wire.Call{ID: wire.NewCallID(), Codec: wire.CodecJSON, Command: []byte("echo")})
	if err != nil {
		t.Fatal(err)
	}
	first := wire.AppendFrame(nil, wire.Header{Type: wire.TypeCall, Stream: 1}, payload)
	more := wire.AppendFrame(nil, wire.Header{Type: wire.TypeChunk, Stream: 1}, []byte("{"))
	last := wire.AppendFrame(nil, wire.Header{Type: wire.TypeChunk, Flags: wire.FlagEnd, Stream: 1}, []byte("}"))
	cancel := wire.AppendFrame(nil, wire.Header{Type: wire.TypeCancel, Stream: 1}, nil)
	for name, frames := range map[string][][]byte{
		"whole":                {first, more, last},
		"left in the middle":   {first, more},
		"cancelled":            {first, more, cancel, last},
		"cancelled and left":   {first, more, cancel},
		"cancelled twice":      {first, more, cancel, more, cancel, last},
		"cancelled at the end": {first, more, last, cancel},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := newPool(t, 1, usual)
			near, _ := newSwitchboard(t).pair(t)
			l := &clientLink{
				sup: newTestSupervisor(d), out: wire.NewOutbox(near, clientBuffer),
				assembling: map[uint64]*assembly{}, calls: map[uint64]*call{},
			}
			before := assembled.Load()
			for _, frame := range frames {
				if err := l.take(wire.ParseHeader(frame), append([]byte(nil), frame...)); err != nil {
					t.Fatal(err)
				}
			}
			l.leave()
			if got := assembled.Load() - before; got != 0 {
				t.Errorf("%d bytes of the budget are left over", got)
			}
		})
	}
}

// TestClientThatVanishes has its calls cancelled, waiting and running ones.
func TestClientThatVanishes(t *testing.T) {
	d, w := newPool(t, 1, usual)
	near, far := newSwitchboard(t).pair(t)
	served := make(chan struct{})
	go func() {
		defer close(served)
		newTestSupervisor(d).TakeClient(near, access.Peer{})(context.WithoutCancel(t.Context()))
	}()
	greeting, err := wire.AppendGreeting(nil, wire.NewHello(wire.RoleClient, "test"))
	if err != nil {
		t.Fatal(err)
	}
	r := wire.NewReader(far)
	if _, err := far.Write(greeting[len(wire.Preface):]); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.ReadAck(r); err != nil {
		t.Fatal(err)
	}
	for stream := range uint64(3) {
		frames, err := encodeCall(wire.NewCallID(), ExecRequest{Command: "echo"})
		if err != nil {
			t.Fatal(err)
		}
		wire.PutStream(frames, stream)
		if _, err := far.Write(frames); err != nil {
			t.Fatal(err)
		}
	}
	in := w[0].want(wire.TypeCall)
	_ = far.Close()
	<-served
	wantLoad(t, d, load{counts: pool.CallCounts{Cancelled: 3}, busy: 1})
	w[0].send(result(in.Stream, "1"))
	following := submit(t, d, time.Minute)
	w[0].wantCall(following)
}

// TestExecOverHTTP is answered whatever the worker sends.
func TestExecOverHTTP(t *testing.T) {
	exec := func(t *testing.T, ctx context.Context, answer func(*fakeWorker, incoming)) (ExecResult, error) {
		t.Helper()
		d, w := newPool(t, 1, usual)
		type ended struct {
			result ExecResult
			err    error
		}
		end := make(chan ended, 1)
		go func() {
			result, err := newTestSupervisor(d).Exec(ctx, ExecRequest{Command: "echo", Body: []byte("{}")})
			end <- ended{result, err}
		}()
		answer(w[0], w[0].want(wire.TypeCall))
		select {
		case e := <-end:
			return e.result, e.err
		case <-time.After(patience):
			t.Fatal("Exec never returned")
			return ExecResult{}, nil
		}
	}
	t.Run("result", func(t *testing.T) {
		got, err := exec(t, t.Context(), func(w *fakeWorker, in incoming) {
			for _, frame := range longResult(in.Stream) {
				w.send(frame)
			}
		})
		if err != nil || string(got.Body) != `"x"` || got.Worker != "w" {
			t.Errorf("Exec = %+v, %v", got, err)
		}
	})
	t.Run("malformed", func(t *testing.T) {
		_, err := exec(t, t.Context(), func(w *fakeWorker, in incoming) {
			payload := make([]byte, 20)
			payload[18], payload[19] = 0xff, 0xff // a worker's name that is longer than the frame
			w.send(wire.AppendFrame(nil, wire.Header{Type: wire.TypeResult, Stream: in.Stream}, payload))
			w.send(wire.AppendFrame(nil, wire.Header{Type: wire.TypeChunk, Flags: wire.FlagEnd, Stream: in.Stream}, nil))
		})
		wantCategory(t, err, pool.CategoryProtocol)
	})
	t.Run("given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := exec(t, ctx, func(*fakeWorker, incoming) { cancel() })
		wantCategory(t, err, pool.CategoryCancelled)
	})
}

func wantCategory(t *testing.T, err error, want pool.Category) {
	t.Helper()
	var call *pool.CallError
	if !errors.As(err, &call) || call.Category != want {
		t.Errorf("error = %v, want one of category %s", err, want)
	}
}

// TestLostCalls: an apply tells of the calls that its changes cost, also where a
// pool is gone afterwards, and of no others.
func TestLostCalls(t *testing.T) {
	lose := func(d *dispatcher, w *fakeWorker) {
		c := submit(t, d, time.Minute)
		w.wantCall(c)
		w.entry.slots.remove(pool.NewCallError(pool.CategoryWorkerDied, "it died"))
		c.wantError(t, pool.CategoryWorkerDied)
	}
	kept, keptWorkers := newPool(t, 2, usual)
	gone, goneWorkers := newPool(t, 2, usual)
	fresh, freshWorkers := newPool(t, 1, usual)
	s := newTestSupervisor(kept)
	s.table.runners = map[string]*runner{"pool.kept": {dispatcher: kept}, "pool.gone": {dispatcher: gone}}
	lose(kept, keptWorkers[1])
	lose(gone, goneWorkers[1])
	before := s.lostCalls()
	lose(kept, keptWorkers[0])
	lose(gone, goneWorkers[0])
	s.table.remove("pool.gone")
	s.table.runner("pool.fresh", func() *runner { return &runner{dispatcher: fresh} })
	lose(fresh, freshWorkers[0])
	if got := s.lostSince(before); got != 3 {
		t.Errorf("lostSince = %d, want 3", got)
	}
}

// TestOperationAfterTheEnd is stopped before it begins.
func TestOperationAfterTheEnd(t *testing.T) {
	s := newTestSupervisor(nil)
	s.operations.close()
	var events []pool.Event
	err := s.Apply(ApplyRequest{By: "test"}).Follow(t.Context(), func(e pool.Event) error {
		events = append(events, e)
		return nil
	})
	if err != nil || len(events) != 1 || events[0].Type != pool.EventOpComplete {
		t.Fatalf("events = %+v, %v, want op_complete alone", events, err)
	}
	if out, ok := events[0].Data["outcome"].(pool.Outcome); !ok || out.Result != pool.ResultInterrupted {
		t.Errorf("outcome = %+v, want it interrupted", events[0].Data)
	}
	s.loops.Wait()
}
