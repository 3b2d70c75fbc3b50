package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// The test binary plays the supervisor when this variable says how.
const standInVariable = "SNAKECTL_TEST_STAND_IN"

func TestMain(m *testing.M) {
	if mode := os.Getenv(standInVariable); mode != "" {
		os.Exit(standIn(mode))
	}
	goleak.VerifyTestMain(m)
}

// standIn is a process that serves an instance's socket until it is told to
// stop, or one that fails to.
func standIn(mode string) int {
	if mode == "fail" {
		fmt.Fprintln(os.Stderr, "cannot open the state: it is damaged")
		return 1
	}
	dir := os.Args[len(os.Args)-1]
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil || syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		fmt.Fprintln(os.Stderr, "another supervisor holds the instance")
		return exitStale
	}
	listener, err := wire.ListenUnix(socketPath(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	stop := make(chan struct{})
	f := &fakeSupervisor{status: pool.Status{Supervisor: pool.SupervisorStatus{PID: os.Getpid(), Version: "0.1.0", Instance: dir}}}
	mux := http.NewServeMux()
	mux.Handle("/", f.handlers())
	var once sync.Once
	mux.HandleFunc("POST /v1/supervisor/stop", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		once.Do(func() { close(stop) })
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	<-stop
	_ = server.Shutdown(context.Background())
	return 0
}

// startable lets the program start the test binary as its supervisor, which ends
// with the test.
func (a *testApp) startable(t *testing.T, mode string) *testApp {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a.Executable = self
	a.Env = append(a.Env, standInVariable+"="+mode, "GORACE=atexit_sleep_ms=0")
	t.Cleanup(func() {
		_, err := a.stopSupervisor(context.WithoutCancel(t.Context()), client.PartingStop, 20*time.Second)
		if err != nil && !errors.Is(err, client.ErrNoSupervisor) {
			t.Error(err)
		}
	})
	return a
}

func TestSupervisorStartStop(t *testing.T) {
	a := newTestApp(t).startable(t, "serve")
	if code := a.run(t, "supervisor", "start"); code != exitOK {
		t.Fatalf("start: exit code %d\n%s", code, a.stderr)
	}
	if !strings.HasPrefix(a.stdout.String(), "Started the supervisor of "+a.dir+" (pid ") {
		t.Errorf("start: stdout %q", a.stdout)
	}
	for _, step := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"supervisor", "start"}, 0, "runs already"},
		{[]string{"supervisor", "status"}, 0, "Supervisor 0.1.0"},
		{[]string{"supervisor", "restart", "--stop"}, 0, "Started the supervisor"},
		{[]string{"supervisor", "stop"}, 0, "Stopped the supervisor"},
		{[]string{"supervisor", "stop"}, 0, "No supervisor runs."},
		{[]string{"supervisor", "status"}, 1, ""},
	} {
		b := newTestApp(t)
		b.Executable, b.Env = a.Executable, a.Env
		if code := b.run(t, step.args...); code != step.code {
			t.Fatalf("%q: exit code %d, want %d\n%s", step.args, code, step.code, b.stderr)
		}
		if !strings.Contains(b.stdout.String(), step.want) {
			t.Errorf("%q: stdout %q, want %q", step.args, b.stdout, step.want)
		}
	}
}

func TestSupervisorThatFailsShowsItsLog(t *testing.T) {
	a := newTestApp(t).startable(t, "fail")
	if err := os.MkdirAll(filepath.Dir(logPath(a.dir)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(logPath(a.dir), []byte("an older run\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := a.run(t, "supervisor", "start"); code != exitError {
		t.Errorf("exit code %d, want %d", code, exitError)
	}
	got := a.stderr.String()
	for _, want := range []string{"it ended with exit status 1", logPath(a.dir), "  cannot open the state: it is damaged"} {
		if !strings.Contains(got, want) {
			t.Errorf("stderr %q, want %q", got, want)
		}
	}
	if strings.Contains(got, "an older run") {
		t.Errorf("stderr %q shows what another run wrote", got)
	}
}

func TestTwoCommandsStartOneSupervisor(t *testing.T) {
	a := newTestApp(t).startable(t, "serve")
	b := newTestApp(t)
	b.Executable, b.Env = a.Executable, a.Env
	var group sync.WaitGroup
	for _, each := range []*testApp{a, b} {
		group.Go(func() {
			if code := each.run(t, "supervisor", "start"); code != exitOK {
				t.Errorf("exit code %d\n%s", code, each.stderr)
			}
		})
	}
	group.Wait()
}

func TestInstanceDirectoryThatCannotBeWritten(t *testing.T) {
	a := newTestApp(t)
	if err := os.WriteFile(a.dir, []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := a.run(t, "supervisor", "start"); code != exitError {
		t.Errorf("exit code %d, want %d", code, exitError)
	}
	if !strings.Contains(a.stderr.String(), "--instance DIR") {
		t.Errorf("stderr %q", a.stderr)
	}
}

func TestNotifyManager(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := notifyManager(t.Context(), name, "READY=1"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, err := conn.Read(buf)
	if err != nil || string(buf[:n]) != "READY=1" {
		t.Errorf("the manager got %q, %v", buf[:n], err)
	}
	if err := notifyManager(t.Context(), "", "READY=1"); err != nil {
		t.Errorf("without a manager: %v", err)
	}
	if err := notifyManager(t.Context(), name+".no", "READY=1"); err == nil {
		t.Error("a manager that does not listen is not told")
	}
}

func TestProcessLives(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	if !processLives(pid) {
		t.Error("a running process is said to be gone")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return !processLives(pid) }) // a zombie until Wait
	_ = cmd.Wait()
	if processLives(pid) {
		t.Error("a reaped process is said to live")
	}
}

// TestPlanBesideADyingSupervisor: a killed process may hold its socket for a
// moment, and resets the connections it never accepted when it closes it.
func TestPlanBesideADyingSupervisor(t *testing.T) {
	a := newTestApp(t)
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	listener, err := wire.ListenUnix(socketPath(a.dir))
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		if conn, err := listener.Accept(); err == nil {
			_ = listener.Close()
			_ = conn.Close() // unread data makes this a reset
		}
	}()
	if code := a.run(t, "plan", "--destroy"); code != exitOK {
		t.Errorf("exit code %d\n%s", code, a.stderr)
	}
	<-accepted
	if !strings.Contains(a.stdout.String(), "supervisor not running") {
		t.Errorf("stdout %q", a.stdout)
	}
}
