package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

func TestExecArguments(t *testing.T) {
	s := startSupervisor(t, map[string]func(*call){"echo": echo})
	c := newClient(t, s)
	type point struct {
		X int `json:"x"`
	}
	tests := []struct {
		name string
		args any
		want string
	}{
		{"none", nil, ""},
		{"nil map", map[string]any(nil), ""},
		{"raw null", json.RawMessage(" null"), ""},
		{"map", map[string]any{"a": 1}, `{"a":1}`},
		{"struct", point{3}, `{"x":3}`},
		{"list", []int{1, 2}, `[1,2]`},
		{"raw, as it is", json.RawMessage(" {\"b\" : 1} "), ` {"b" : 1} `},
		{"one frame exactly", json.RawMessage(sized(wire.MaxPayload - 42)), string(sized(wire.MaxPayload - 42))},
		{"several frames", json.RawMessage(sized(3<<20 + 1)), string(sized(3<<20 + 1))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.Exec(t.Context(), "api", "echo", tt.args)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Body) != tt.want {
				t.Errorf("the body came back as %.100q (%d bytes), want %.100q (%d bytes)", got.Body, len(got.Body), tt.want, len(tt.want))
			}
			got.Body = nil
			want := &client.Result{Worker: "pool.api/0@7f2c", Queue: 5, Exec: 7, Attempts: 1}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
	if n := s.linkCount(); n != 1 {
		t.Errorf("%d connections for calls one after another, want 1", n)
	}
}

// sized returns a JSON list of n bytes.
func sized(n int) []byte {
	return append(append([]byte(`["`), bytes.Repeat([]byte("x"), n-4)...), `"]`...)
}

func TestExecRefusesArguments(t *testing.T) {
	c := client.New(filepath.Join(t.TempDir(), "nobody.sock")) // nothing is sent
	defer c.Close()
	tests := []struct {
		name string
		args any
		want pool.Category
	}{
		{"number", 5, client.InvalidArgument},
		{"string", "x", client.InvalidArgument},
		{"raw text", json.RawMessage("hello"), client.InvalidArgument},
		{"not encodable", func() {}, client.InvalidArgument},
		{"too large", json.RawMessage(sized(wire.MaxBody + 1)), client.TooLarge},
	}
	for _, tt := range tests {
		_, err := c.Exec(t.Context(), "api", "echo", tt.args)
		var e *client.Error
		if !errors.As(err, &e) || e.Category != tt.want || e.Origin != "client" || e.Started {
			t.Errorf("%s: %v, want the client's error of category %s", tt.name, err, tt.want)
		}
	}
}

func TestExecSendsItsOptions(t *testing.T) {
	seen := make(chan *call, 1)
	s := startSupervisor(t, map[string]func(*call){"echo": func(c *call) { seen <- c; echo(c) }})
	c := newClient(t, s)
	hour, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	tests := []struct {
		name     string
		ctx      context.Context
		opts     []client.CallOption
		within   time.Duration // of the deadline sent; 0: none is sent
		wantBits wire.CallBits
		session  string
	}{
		{"nothing", t.Context(), nil, 0, 0, ""},
		{"timeout", t.Context(), []client.CallOption{client.Timeout(time.Minute)}, time.Minute, 0, ""},
		{"context", hour, nil, time.Hour, 0, ""},
		{"the earlier of two", hour, []client.CallOption{client.Timeout(time.Minute)}, time.Minute, 0, ""},
		{"the other earlier of two", hour, []client.CallOption{client.Timeout(24 * time.Hour)}, time.Hour, 0, ""},
		{"nothing again", t.Context(), nil, 0, 0, ""},
		{"properties", t.Context(), []client.CallOption{client.Idempotent(), client.Session("u-7")}, 0, wire.BitIdempotent, "u-7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := c.Exec(tt.ctx, `pool.etl["eu"]`, "echo", nil, tt.opts...); err != nil {
				t.Fatal(err)
			}
			got := <-seen
			remaining := time.Duration(got.Deadline)
			if remaining > tt.within || remaining < tt.within-30*time.Second {
				t.Errorf("%v remain, want %v", remaining, tt.within)
			}
			if string(got.Pool) != `pool.etl["eu"]` || got.Bits != tt.wantBits || string(got.Session) != tt.session || got.ID == (wire.CallID{}) {
				t.Errorf("sent %+v", got.Call)
			}
		})
	}
}

func TestExecReturnsTheCallsError(t *testing.T) {
	s := startSupervisor(t, map[string]func(*call){
		"raise": func(c *call) { c.error(pool.CategoryRaised, "no") },
		"late":  func(c *call) { c.error(pool.CategoryDeadline, "too late") },
		"half": func(c *call) {
			payload, _ := wire.AppendResult(nil, &wire.Result{Codec: wire.CodecJSON})
			c.send(wire.AppendFrame(nil, wire.Header{Type: wire.TypeResult, Stream: c.stream}, payload))
			c.error(pool.CategoryWorkerDied, "died between two chunks")
		},
		"echo": echo,
	})
	c := newClient(t, s)
	for command, want := range map[string]pool.Category{"raise": client.Raised, "late": client.Deadline, "half": client.WorkerDied} {
		_, err := c.Exec(t.Context(), "api", command, nil)
		var e *client.Error
		if !errors.As(err, &e) || e.Category != want || e.Origin != "supervisor" {
			t.Errorf("%s: %v, want category %s", command, err, want)
		}
		if isDeadline := errors.Is(err, context.DeadlineExceeded); isDeadline != (want == client.Deadline) {
			t.Errorf("%s: context.DeadlineExceeded is %t", command, isDeadline)
		}
	}
	if _, err := c.Exec(t.Context(), "api", "echo", nil); err != nil || s.linkCount() != 1 {
		t.Errorf("after failed calls: %v on %d connections, want the same connection", err, s.linkCount())
	}
}

func TestExecEndsWithItsContext(t *testing.T) {
	begun := make(chan struct{}, 10)
	s := startSupervisor(t, map[string]func(*call){
		"hang": func(c *call) {
			begun <- struct{}{}
			<-c.ended
		},
		"echo": echo,
	})
	c := newClient(t, s)

	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() { _, err := c.Exec(ctx, "api", "hang", nil); failed <- err }()
	<-begun
	cancel()
	err := <-failed
	var e *client.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.Category != client.Cancelled || !e.Started {
		t.Errorf("a cancelled call: %v, want category cancelled", err)
	}
	if why := <-s.ended; why != "cancel" {
		t.Errorf("the supervisor saw a %s, want CANCEL", why)
	}

	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = c.Exec(ctx, "api", "hang", nil)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &e) || e.Category != client.Deadline || !e.Started {
		t.Errorf("a call that passed its deadline: %v (%+v)", err, e)
	}
	if why := <-s.ended; why != "cancel" {
		t.Errorf("the supervisor saw a %s, want CANCEL", why)
	}
	if _, err := c.Exec(ctx, "api", "echo", nil); !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &e) || e.Started {
		t.Errorf("a call whose context has ended: %v", err)
	}
	if _, err := c.Exec(t.Context(), "api", "echo", nil); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// The supervisor's own answer, made at the deadline, is the better one.
func TestExecPrefersTheSupervisorsDeadline(t *testing.T) {
	s := startSupervisor(t, map[string]func(*call){"hang": func(c *call) {
		select {
		case <-time.After(time.Duration(c.Deadline)):
			c.error(pool.CategoryDeadline, "waited in the queue")
		case <-c.ended:
		}
	}})
	c := newClient(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Exec(ctx, "api", "hang", nil)
	var e *client.Error
	if !errors.As(err, &e) || e.Origin != "supervisor" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Exec() = %v, want the supervisor's answer", err)
	}
}

func TestExecDoesNotWaitForASupervisorThatIsStuck(t *testing.T) {
	s := startSupervisor(t, map[string]func(*call){"hang": func(c *call) { <-c.ended }})
	c := newClient(t, s)
	begin := time.Now()
	_, err := c.Exec(t.Context(), "api", "hang", nil, client.Timeout(10*time.Millisecond))
	var e *client.Error
	if !errors.As(err, &e) || e.Category != client.Deadline || e.Origin != "client" {
		t.Errorf("Exec() = %v, want the client's deadline", err)
	}
	if took := time.Since(begin); took < time.Second || took > 5*time.Second {
		t.Errorf("it took %v, want a second", took)
	}
}

func TestExecWithoutASupervisor(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "none.sock")
	c := client.New(socket)
	defer c.Close()
	if _, err := c.Exec(t.Context(), "api", "echo", nil); !errors.Is(err, client.ErrNoSupervisor) {
		t.Errorf("Exec() = %v, want ErrNoSupervisor", err)
	}
	if err := c.Healthy(t.Context()); !errors.Is(err, client.ErrNoSupervisor) {
		t.Errorf("Healthy() = %v, want ErrNoSupervisor", err)
	}
	if _, err := client.Dial(t.Context(), socket); !errors.Is(err, client.ErrNoSupervisor) {
		t.Errorf("Dial() = %v, want ErrNoSupervisor", err)
	}
	stale, err := wire.ListenUnix(socket)
	if err != nil {
		t.Fatal(err)
	}
	_ = stale.UnixListener.Close() // the file stays
	if _, err := c.Exec(t.Context(), "api", "echo", nil); !errors.Is(err, client.ErrNoSupervisor) {
		t.Errorf("Exec() on a stale socket = %v, want ErrNoSupervisor", err)
	}
}

func TestExecSurvivesARestart(t *testing.T) {
	s := startSupervisor(t, map[string]func(*call){"echo": echo})
	c, err := client.Dial(t.Context(), s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 3 {
		if _, err := c.Exec(t.Context(), "api", "echo", nil); err != nil {
			t.Fatal(err)
		}
		s.restart(t)
	}
}

// Only a call that cannot have been executed is sent again.
func TestExecOnABrokenConnection(t *testing.T) {
	s := startSupervisor(t, map[string]func(*call){
		"vanish":  func(c *call) { _ = c.conn.Close() },
		"garbage": func(c *call) { c.send([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) },
		"stranger": func(c *call) {
			c.stream++
			c.result(nil)
		},
		"goaway": func(c *call) {
			frame, _ := wire.AppendJSON(nil, wire.Header{Type: wire.TypeGoAway}, pool.NewCallError(pool.CategoryUnavailable, "stopping"))
			c.send(frame)
		},
		"echo": echo,
	})
	c := client.New(s.socket, client.Reconnect(0))
	defer c.Close()
	for _, command := range []string{"vanish", "garbage", "stranger", "goaway"} {
		links := s.linkCount()
		_, err := c.Exec(t.Context(), "api", command, nil, client.Idempotent())
		var e *client.Error
		if !errors.As(err, &e) || e.Category != client.Unavailable {
			t.Errorf("%s: %v, want category unavailable", command, err)
		} else if command != "goaway" && (!e.Started || !e.Retryable) {
			t.Errorf("%s: %+v, want that it may have started and may be tried again", command, e)
		}
		if _, err := c.Exec(t.Context(), "api", "echo", nil); err != nil {
			t.Errorf("the call after %s: %v", command, err)
		}
		if got := s.linkCount() - links; got != 1 && (got != 2 || links != 0) {
			t.Errorf("%s and the call after it took %d new connections", command, got)
		}
	}
}

func TestExecConcurrently(t *testing.T) {
	s := startSupervisor(t, map[string]func(*call){"echo": echo})
	c := newClient(t, s)
	var callers sync.WaitGroup
	for i := range 16 {
		callers.Go(func() {
			for j := range 50 {
				want := fmt.Sprintf("[%d,%d]", i, j)
				got, err := c.Exec(t.Context(), "api", "echo", []int{i, j})
				if err != nil || string(got.Body) != want {
					t.Errorf("Exec() = %v, %v, want %s", got, err, want)
					return
				}
			}
		})
	}
	callers.Wait()
	if n := s.linkCount(); n > 16 {
		t.Errorf("%d connections for 16 callers", n)
	}
}

func TestExecAfterClose(t *testing.T) {
	s := startSupervisor(t, map[string]func(*call){"echo": echo})
	c := newClient(t, s)
	c.Close()
	if _, err := c.Exec(t.Context(), "api", "echo", nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Exec() = %v, want net.ErrClosed", err)
	}
}

func BenchmarkExec(b *testing.B) {
	s := startSupervisor(b, map[string]func(*call){"echo": echo})
	c := newClient(b, s)
	args := json.RawMessage(sized(100))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Exec(b.Context(), "api", "echo", args); err != nil {
			b.Fatal(err)
		}
	}
}
