package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

// forkServer starts a fork server for an adapter, with the real SDK. Its workers have
// nobody to connect to and exit with 1.
func forkServer(t *testing.T, adapter string) (*worker.ForkServer, worker.Launch, string) {
	t.Helper()
	if !worker.CanFork() {
		t.Skip("fork servers need Linux")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	sdk, err := filepath.Abs("../../python/snakepit")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "adapter.py"), []byte(adapter), 0o600); err != nil {
		t.Fatal(err)
	}
	doc := worker.Launch{
		Version: 1, Address: "pool.api/" + worker.ForkServerPlace, Incarnation: "0123abcd", Adapter: "./adapter.py", CodeRoot: dir,
		Socket: filepath.Join(dir, "nobody"), SysPath: []string{},
	}
	server, err := worker.StartForkServer(reaper, worker.StartInfo{
		Interpreter: python, SDK: sdk, Dir: dir, Lineage: t.Name(), Log: filepath.Join(dir, "log", "server.log"),
	}, doc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Dismiss()
		closed(t, server.Done())
	})
	return server, doc, filepath.Join(dir, "worker.log")
}

func closed(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}

// fork asks for the worker of a place.
func fork(ctx context.Context, s *worker.ForkServer, doc worker.Launch, log string, place int) (*worker.Process, error) {
	doc.Address = fmt.Sprintf("pool.api/%d", place)
	return s.Fork(ctx, worker.StartInfo{Log: log}, doc)
}

const plain = "from snakepit import command\n\n\n@command\ndef ok(): pass\n"

func TestForkedWorkersAreChildren(t *testing.T) {
	server, doc, log := forkServer(t, plain)
	doc.Config = map[string]any{"large": strings.Repeat("x", 1<<20)} // more than a pipe holds
	var all sync.WaitGroup
	for place := range 40 { // more than are with the server at one time
		all.Go(func() {
			p, err := fork(t.Context(), server, doc, log, place)
			if err != nil {
				t.Error(err)
				return
			}
			if e := wait(t, p); !e.Known || e.Code != 1 {
				t.Errorf("the worker %v, want status 1", e)
			}
		})
	}
	all.Wait()
	text, err := os.ReadFile(log)
	if n := strings.Count(string(text), "cannot reach the supervisor"); err != nil || n != 40 {
		t.Errorf("%d workers wrote to the log, want 40: %v\n%.2000s", n, err, text)
	}
}

func TestForkServerDies(t *testing.T) {
	server, doc, log := forkServer(t, plain)
	p, err := fork(t.Context(), server, doc, log, 0)
	if err != nil {
		t.Fatal(err)
	}
	wait(t, p)
	if err := syscall.Kill(server.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	closed(t, server.Done())
	if _, err := fork(t.Context(), server, doc, log, 1); !errors.Is(err, worker.ErrNotForked) {
		t.Errorf("Fork of a dead server: %v, want ErrNotForked", err)
	}
}

func TestForkServerDismissed(t *testing.T) {
	server, doc, log := forkServer(t, plain)
	server.Dismiss()
	if _, err := fork(t.Context(), server, doc, log, 0); !errors.Is(err, worker.ErrNotForked) {
		t.Errorf("Fork of a dismissed server: %v, want ErrNotForked", err)
	}
	closed(t, server.Done())
}

func TestForkServerRefuses(t *testing.T) {
	server, doc, log := forkServer(t, "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n")
	_, err := fork(t.Context(), server, doc, log, 0)
	unsafe, ok := errors.AsType[*worker.UnsafeError](err)
	if !ok || unsafe.Reason != "importing ./adapter.py started 1 thread" {
		t.Errorf("Fork = %v, want UnsafeError that names the adapter", err)
	}
	closed(t, server.Done())
}

func TestForkServerFails(t *testing.T) {
	for name, c := range map[string]struct {
		adapter, message, exit string
		class                  pool.DeathClass
	}{
		"raises":  {"1 / 0", "division by zero", "exited with status 1", pool.DeathExit},
		"exits":   {"import os\nos._exit(4)", "the fork server exited with status 4 while it preloaded", "exited with status 4", pool.DeathExit},
		"crashes": {"import ctypes\nctypes.string_at(0)", "the fork server was killed by SIGSEGV (segmentation fault) while it preloaded", "was killed by SIGSEGV (segmentation fault)", pool.DeathSegfault},
	} {
		t.Run(name, func(t *testing.T) {
			server, doc, log := forkServer(t, c.adapter)
			_, err := fork(t.Context(), server, doc, log, 0)
			failure, ok := errors.AsType[*pool.CallError](err)
			if !ok || failure.Death == nil {
				t.Fatalf("Fork = %v, want a call error with a death", err)
			}
			if failure.Message != c.message || failure.Exit != c.exit || failure.Death.Class != c.class {
				t.Errorf("Fork = %q, %q, %s, want %q, %q, %s", failure.Message, failure.Exit, failure.Death.Class, c.message, c.exit, c.class)
			}
		})
	}
}

// A server that preloads for ever ends with the last one that waits for it.
func TestForkGivenUp(t *testing.T) {
	server, doc, log := forkServer(t, "import time\nprint('for ever')\ntime.sleep(600)\n")
	ctx, cancel := context.WithCancel(t.Context())
	until(t, "the import began", func() bool { return server.Tail() == "for ever" })
	cancel()
	if _, err := fork(ctx, server, doc, log, 0); !errors.Is(err, context.Canceled) && !errors.Is(err, worker.ErrNotForked) {
		t.Errorf("Fork = %v, want that it was cancelled", err)
	}
	closed(t, server.Done())
}

// What a forked worker inherits from its limits is set before it begins.
func TestForkedWorkerIsLimited(t *testing.T) {
	server, doc, log := forkServer(t, plain)
	doc.Address = "pool.api/0"
	p, err := server.Fork(t.Context(), worker.StartInfo{Log: log, Rlimits: pool.Rlimits{NoFile: 3}}, doc)
	if err != nil {
		t.Fatal(err)
	}
	if e := wait(t, p); e.Code != 1 {
		t.Errorf("the worker %v, want status 1", e)
	}
	text, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(text), "Too many open files") {
		t.Errorf("the worker wrote %q (%v), want that it may open no file", text, err)
	}
}
