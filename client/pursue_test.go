package client_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

func unavailable(started, retryable bool) *pool.CallError {
	e := pool.NewCallError(pool.CategoryUnavailable, "the supervisor of the call is gone")
	e.Started, e.Retryable = started, retryable
	return e
}

// vanishing returns a command that hangs up on its first n calls, then echoes.
func vanishing(n int32) (command func(*call), sent *atomic.Int32) {
	sent = &atomic.Int32{}
	return func(c *call) {
		if sent.Add(1) <= n {
			_ = c.conn.Close()
			return
		}
		echo(c)
	}, sent
}

// What became of a call whose connection broke is the next supervisor's to say.
func TestExecAsksForACallThatWasSent(t *testing.T) {
	tests := []struct {
		name       string
		attach     func(*call)
		opts       []client.CallOption
		want       string // "" is an error
		wantSent   int32
		wantUnsure bool
	}{
		{"it is answered", func(c *call) { c.result([]byte(`"theirs"`)) }, nil, `"theirs"`, 1, false},
		{"it raised", func(c *call) { c.error(pool.CategoryRaised, "no") }, nil, "", 1, false},
		{"it never started", func(c *call) { c.fail(unavailable(false, true)) }, nil, `[1]`, 2, false},
		{"nobody knows", func(c *call) { c.fail(unavailable(true, false)) }, nil, "", 1, true},
		{
			"nobody knows, and it may run twice",
			func(c *call) { c.fail(unavailable(true, c.Idempotent())) },
			[]client.CallOption{client.Idempotent()},
			`[1]`, 2, false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			command, sent := vanishing(1)
			asked := make(chan wire.Call, 10)
			s := startSupervisor(t, map[string]func(*call){"work": command}, func(s *supervisor) {
				s.attach = func(c *call) { asked <- c.Call; tt.attach(c) }
			})
			got, err := newClient(t, s).Exec(t.Context(), "api", "work", []int{1}, append(tt.opts, client.Timeout(time.Minute))...)
			var e *client.Error
			switch {
			case tt.want != "" && (err != nil || string(got.Body) != tt.want):
				t.Errorf("Exec = %v, %v, want %s", got, err, tt.want)
			case tt.want == "" && (!errors.As(err, &e) || e.Origin != "supervisor" || e.Retryable || (tt.wantUnsure && !e.Started)):
				t.Errorf("Exec = %v (%+v), want what the supervisor says", err, e)
			}
			if sent.Load() != tt.wantSent {
				t.Errorf("the call was sent %d times, want %d", sent.Load(), tt.wantSent)
			}
			told := <-asked
			if told.ID == (wire.CallID{}) || time.Duration(told.Deadline) > time.Minute || time.Duration(told.Deadline) < 30*time.Second {
				t.Errorf("asked for %+v", told)
			}
		})
	}
}

// An idempotent call that ends each supervisor that it meets is given up.
func TestExecBoundsItsResends(t *testing.T) {
	command, sent := vanishing(1000)
	s := startSupervisor(t, map[string]func(*call){"work": command}, func(s *supervisor) {
		s.attach = func(c *call) { c.fail(unavailable(true, true)) }
	})
	_, err := newClient(t, s).Exec(t.Context(), "api", "work", nil, client.Idempotent())
	var e *client.Error
	if !errors.As(err, &e) || e.Category != client.Unavailable || sent.Load() != 6 {
		t.Errorf("Exec = %v after %d attempts, want it given up after 6", err, sent.Load())
	}
}

func TestExecWaitsForTheNextSupervisor(t *testing.T) {
	s := startSupervisor(t, map[string]func(*call){"echo": echo})
	c := newClient(t, s)
	if _, err := c.Exec(t.Context(), "api", "echo", nil); err != nil {
		t.Fatal(err)
	}
	s.stop()
	answered := make(chan error)
	go func() {
		_, err := c.Exec(t.Context(), "api", "echo", nil)
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("Exec = %v without a supervisor", err)
	case <-time.After(50 * time.Millisecond):
	}
	s.restart(t)
	if err := <-answered; err != nil {
		t.Errorf("Exec = %v, want an answer of the next supervisor", err)
	}
}

func TestExecGivesUpWaiting(t *testing.T) {
	s := startSupervisor(t, map[string]func(*call){"echo": echo})
	patient := newClient(t, s)
	short := client.New(s.socket, client.Reconnect(20*time.Millisecond))
	defer short.Close()
	for _, c := range []*client.Client{patient, short} {
		if _, err := c.Exec(t.Context(), "api", "echo", nil); err != nil {
			t.Fatal(err)
		}
	}
	s.stop()
	if _, err := short.Exec(t.Context(), "api", "echo", nil); !errors.Is(err, client.ErrNoSupervisor) {
		t.Errorf("Exec = %v after the time to reconnect, want ErrNoSupervisor", err)
	}
	if _, err := patient.Exec(t.Context(), "api", "echo", nil, client.Timeout(20*time.Millisecond)); err == nil {
		t.Error("Exec succeeded without a supervisor")
	}
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(20*time.Millisecond, cancel)
	defer timer.Stop()
	if _, err := patient.Exec(ctx, "api", "echo", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Exec = %v after it was cancelled, want context.Canceled", err)
	}
}

func TestRevive(t *testing.T) {
	s := startSupervisor(t, map[string]func(*call){"echo": echo})
	revived := 0
	c := client.New(s.socket, client.Revive(func(context.Context) error {
		revived++
		s.restart(t)
		return nil
	}))
	defer c.Close()
	for range 2 {
		if _, err := c.Exec(t.Context(), "api", "echo", nil); err != nil {
			t.Fatal(err)
		}
		s.stop()
	}
	if revived != 1 {
		t.Errorf("revived %d times, want once", revived)
	}
	failing := errors.New("forbidden")
	c2 := client.New(s.socket, client.Revive(func(context.Context) error { return failing }))
	defer c2.Close()
	s.restart(t)
	if _, err := c2.Exec(t.Context(), "api", "echo", nil); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if _, err := c2.Exec(t.Context(), "api", "echo", nil); !errors.Is(err, failing) {
		t.Errorf("Exec = %v, want the error of who could not revive it", err)
	}
}

// TestStuckSupervisorHoldsNobody: one that takes a connection and says nothing is no
// reason to wait longer than the call may take.
func TestStuckSupervisorHoldsNobody(t *testing.T) {
	l, err := wire.ListenUnix(filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := client.New(l.Addr().String())
	defer c.Close()
	_, err = c.Exec(t.Context(), "api", "hello", nil, client.Timeout(10*time.Millisecond))
	var call *client.Error
	if !errors.As(err, &call) || call.Category != client.Deadline || call.Started {
		t.Errorf("Exec = %v, want that the deadline passed before anything started", err)
	}
}
