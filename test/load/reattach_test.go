package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/wire"
	"github.com/snakectl/snakectl/test/harness"
)

// outages is how often the supervisor goes away under the load, every so often.
const (
	outages     = 5
	outageEvery = 700 * time.Millisecond
	large       = 1 << 20
)

// tally is what the callers of the logged pool saw.
type tally struct {
	mu     sync.Mutex
	ok     map[string]int // by token
	failed map[string]error
}

// TestCallsOutliveAKilledSupervisor kills the supervisor again and again while
// sixteen callers make calls that must not run twice.
func TestCallsOutliveAKilledSupervisor(t *testing.T) {
	s := startLogged(t)
	before := s.settle()["logged"]
	calls := s.callThrough(func() {
		status, err := s.client.Status(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		if err := syscall.Kill(status.Supervisor.PID, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		harness.Until(t.Context(), settling, func() bool { return !harness.Running(status.Supervisor.PID) })
		s.snakectl("supervisor", "start")
	})
	s.check(calls)
	for token, err := range calls.failed {
		t.Errorf("%s: %v, want every call answered: no worker died", token, err)
	}
	after := s.settle()["logged"]
	for i, w := range before.Workers {
		if got := after.Workers[i].PID; got != w.PID {
			t.Errorf("%s has pid %d, want %d", w.Address, got, w.PID)
		}
	}
}

func startLogged(t *testing.T) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts real workers")
	}
	log := filepath.Join(t.TempDir(), "executed")
	s := startWith(t, filepath.Join("testdata", "reattach"), "log="+log)
	s.executions = log
	return s
}

// callThrough makes random calls until the supervisor has gone away often enough.
func (s *site) callThrough(goAway func()) *tally {
	calls := &tally{ok: map[string]int{}, failed: map[string]error{}}
	ctx, cancel := context.WithCancel(s.t.Context())
	var all sync.WaitGroup
	seed := uint64(time.Now().UnixNano())
	s.t.Logf("seed %d", seed)
	for caller := range 16 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(caller)))
			for i := 0; ctx.Err() == nil; i++ {
				s.callLogged(calls, fmt.Sprintf("%d-%d", caller, i), r)
			}
		})
	}
	tick := time.NewTicker(outageEvery)
	defer tick.Stop()
	for range outages {
		<-tick.C
		goAway()
	}
	<-tick.C
	cancel()
	all.Wait()
	s.t.Logf("%d calls answered, %d failed", len(calls.ok), len(calls.failed))
	return calls
}

// callLogged makes one call and notes how it ended.
func (s *site) callLogged(calls *tally, token string, r *rand.Rand) {
	args := map[string]any{"token": token, "ms": r.IntN(40)}
	pad, size := 0, 0
	switch r.IntN(20) {
	case 0:
		pad = large
	case 1:
		size = large
	case 2:
		pad, size = large, large
	}
	args["pad"], args["size"] = strings.Repeat("x", pad), size
	// Not the test's context: what was begun is waited for.
	result, err := s.client.Exec(context.WithoutCancel(s.t.Context()), "logged", "work", args, client.Timeout(time.Minute))
	calls.mu.Lock()
	defer calls.mu.Unlock()
	if err != nil {
		calls.failed[token] = err
		return
	}
	calls.ok[token]++
	var got struct {
		Token string
		Got   int
		Pad   string
	}
	if err := result.Decode(&got); err != nil || got.Token != token || got.Got != pad || len(got.Pad) != size {
		s.t.Errorf("%s: the answer is of %q with %d and %d bytes (%v), want %d and %d", token, got.Token, got.Got, len(got.Pad), err, pad, size)
	}
}

// check compares what was executed with what the callers saw.
func (s *site) check(calls *tally) {
	s.t.Helper()
	text, err := os.ReadFile(s.executions)
	if err != nil {
		s.t.Fatal(err)
	}
	executed := map[string]int{}
	for token := range strings.FieldsSeq(string(text)) {
		executed[token]++
	}
	for token, n := range executed {
		if n != 1 {
			s.t.Errorf("%s was executed %d times", token, n)
		}
		if calls.ok[token] == 0 && calls.failed[token] == nil {
			s.t.Errorf("%s was executed for nobody", token)
		}
	}
	for token := range calls.ok {
		if executed[token] != 1 {
			s.t.Errorf("%s has an answer and was executed %d times", token, executed[token])
		}
	}
	for token, err := range calls.failed {
		call, isCall := errors.AsType[*client.Error](err)
		if isCall && !call.Started && executed[token] > 0 {
			s.t.Errorf("%s was executed, and its caller was told that it never started: %v", token, err)
		}
	}
}

// TestNoCallSeesThatTheSupervisorIsReplaced replaces the supervisor's image in place,
// again and again, under callers that never connect again, over frames and over HTTP,
// and under one that reads slowly.
func TestNoCallSeesThatTheSupervisorIsReplaced(t *testing.T) {
	s := startLogged(t)
	before := s.settle()["logged"]
	first, err := s.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	steadfast := client.New(filepath.Join(s.instance.Dir, "supervisor.sock"), client.Reconnect(0))
	defer steadfast.Close()
	s.client = steadfast
	slow := s.readSlowly(12)
	web := s.callOverHTTP()
	calls := s.callThrough(func() { s.snakectl("supervisor", "restart") })
	s.check(calls)
	for token, err := range calls.failed {
		t.Errorf("%s: %v, want that no call fails", token, err)
	}
	slow()
	t.Logf("%d calls over HTTP", web())
	last, err := s.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if last.Supervisor.PID != first.Supervisor.PID || last.Supervisor.Replaced != outages || !last.Supervisor.StartedAt.Equal(first.Supervisor.StartedAt) {
		t.Errorf("supervisor %+v, want the process of %+v replaced %d times", last.Supervisor, first.Supervisor, outages)
	}
	after := s.settle()["logged"]
	if after.Calls.OK < uint64(len(calls.ok)) || after.Calls.Failed+after.Calls.Rejected+after.Calls.Timeout != before.Calls.Failed {
		t.Errorf("counted %+v, the callers saw %d answers", after.Calls, len(calls.ok))
	}
	for i, w := range before.Workers {
		if got := after.Workers[i].PID; got != w.PID {
			t.Errorf("%s has pid %d, want %d", w.Address, got, w.PID)
		}
	}
}

// readSlowly sends n calls with long answers on one connection and reads those a few
// bytes at a time, for as long as the load lasts. What it returns waits for the last.
func (s *site) readSlowly(n int) (wait func()) {
	s.t.Helper()
	conn, err := wire.DialUnix(s.t.Context(), s.client.Socket())
	if err != nil {
		s.t.Fatal(err)
	}
	hello, err := wire.AppendGreeting(nil, wire.NewHello(wire.RoleClient, "slow"))
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := conn.Write(hello); err != nil {
		s.t.Fatal(err)
	}
	for i := range n {
		payload, err := wire.AppendCall(nil, &wire.Call{ID: wire.NewCallID(), Codec: wire.CodecJSON, Pool: []byte("logged"), Command: []byte("padding")})
		if err != nil {
			s.t.Fatal(err)
		}
		frame := wire.AppendFrame(nil, wire.Header{Type: wire.TypeCall, Flags: wire.FlagEnd, Stream: uint64(i) + 1}, payload)
		if _, err := conn.Write(frame); err != nil {
			s.t.Fatal(err)
		}
	}
	answered := make(chan int, 1)
	go func() {
		defer conn.Close()
		answered <- countAnswers(wire.NewReader(trickle{conn}), n)
	}()
	return func() {
		s.t.Helper()
		if got := <-answered; got != n {
			s.t.Errorf("the slow reader has %d answers, want %d", got, n)
		}
	}
}

// trickle reads a little at a time.
type trickle struct{ net.Conn }

func (t trickle) Read(p []byte) (int, error) {
	<-time.After(time.Millisecond)
	return t.Conn.Read(p[:min(len(p), 4000)])
}

// countAnswers reads until n calls were answered with a whole result, or something
// else came.
func countAnswers(r *wire.Reader, n int) int {
	if _, err := wire.ReadAck(r); err != nil {
		return -1
	}
	done := 0
	for done < n {
		h, _, err := r.ReadFrame()
		if err != nil || (h.Type != wire.TypeResult && h.Type != wire.TypeChunk) {
			break
		}
		if h.End() {
			done++
		}
	}
	return done
}

// callOverHTTP makes one call after the other on kept connections until what it
// returns is called, which says how many there were.
func (s *site) callOverHTTP() (stop func() int) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return wire.DialUnix(ctx, s.client.Socket()) }
	web := &http.Client{Transport: &http.Transport{DialContext: dial}}
	ctx, cancel := context.WithCancel(s.t.Context())
	counted := make(chan int, 1)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			resp, err := web.Post("http://snakectl/v1/pools/logged/exec/padding", "application/json", strings.NewReader(`{"size":10}`))
			if err != nil {
				s.t.Errorf("HTTP call %d: %v", n, err)
				break
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK {
				s.t.Errorf("HTTP call %d: %s %s (%v)", n, resp.Status, body, err)
			}
		}
		web.CloseIdleConnections()
		counted <- n
	}()
	return func() int {
		cancel()
		return <-counted
	}
}
