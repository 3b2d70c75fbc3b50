package main

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

func TestWatchNeedsATerminal(t *testing.T) {
	for _, args := range [][]string{{"status", "--watch"}, {"status", "--watch", "--json"}} {
		a := newTestApp(t)
		if code := a.run(t, args...); code != exitError || !strings.Contains(a.stderr.String(), "events --follow") {
			t.Errorf("%v: exit code %d, %s", args, code, a.stderr)
		}
	}
}

// TestWatchDrawsInPlace draws at least twice within a second and ends with the
// first interrupt.
func TestWatchDrawsInPlace(t *testing.T) {
	f := &fakeSupervisor{status: pool.Status{
		Supervisor: pool.SupervisorStatus{PID: 42, Version: "0.1.0"}, Pools: []pool.PoolStatus{{Address: "pool.api", Size: 2}},
	}}
	a := newTestApp(t).with(t, f)
	a.StdoutTTY, a.Width = true, 40
	done := make(chan int, 1)
	go func() { done <- a.Run(context.WithoutCancel(t.Context()), []string{"status", "--watch"}) }()
	begun := time.Now()
	for strings.Count(a.stdout.String(), "\x1b[H") < 3 && time.Since(begun) < 10*time.Second {
		<-time.After(10 * time.Millisecond)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("three frames took %s", took)
	}
	a.interrupts <- os.Signal(syscall.SIGINT)
	if code := <-done; code != exitOK {
		t.Errorf("exit code %d, want 0", code)
	}
	for line := range strings.Lines(a.stdout.String()) {
		text := strings.NewReplacer("\x1b[2J", "", "\x1b[H", "", "\x1b[K", "", "\x1b[J", "").Replace(line)
		if len([]rune(strings.TrimSuffix(text, "\n"))) > 40 {
			t.Errorf("line %q is wider than the terminal", text)
		}
	}
}
