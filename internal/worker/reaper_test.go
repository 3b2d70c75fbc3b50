package worker_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/worker"
)

// patience is how long a test waits for what has to come.
const patience = 10 * time.Second

// reaper is the one of this process. No test may use os/exec: the reaper would
// take the status of its children.
var reaper *worker.Reaper

func TestMain(m *testing.M) {
	var err error
	if reaper, err = worker.NewReaper(slog.New(slog.DiscardHandler)); err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { reaper.Run(ctx) })
	defer running.Wait()
	defer stop()
	m.Run()
}

// shell starts a script and returns the process and what it writes.
func shell(t *testing.T, script string, env ...string) (*worker.Process, *bufio.Reader) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	defer write.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	p, err := reaper.Start(worker.Command{
		Args: []string{"/bin/sh", "-c", script}, Dir: t.TempDir(),
		Env: append(env, "PATH="+os.Getenv("PATH")), Files: []*os.File{null, write, null},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.SignalGroup(syscall.SIGKILL)
		<-p.Done()
	})
	return p, bufio.NewReader(read)
}

func wait(t *testing.T, p *worker.Process) worker.Exit {
	t.Helper()
	select {
	case <-p.Done():
		return p.Exit()
	case <-time.After(patience):
		t.Fatalf("process %d did not end", p.PID)
		return worker.Exit{}
	}
}

func readPID(t *testing.T, r *bufio.Reader) int {
	t.Helper()
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	return pid
}

// until waits for something that no channel tells of.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// gone reports whether there is no such process, not even a zombie.
func gone(pid int) bool { return syscall.Kill(pid, 0) != nil }

func TestExit(t *testing.T) {
	for script, want := range map[string]string{
		"exit 0":          "exited with status 0",
		"exit 3":          "exited with status 3",
		"kill -SEGV $$":   "was killed by SIGSEGV (segmentation fault)",
		"kill -KILL $$":   "was killed by SIGKILL",
		"exec sh -c true": "exited with status 0",
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			p, _ := shell(t, script)
			exit := wait(t, p)
			if got := exit.String(); got != want {
				t.Errorf("Exit() = %q, want %q", got, want)
			}
			if !exit.Known || exit.MaxRSS == 0 {
				t.Errorf("Exit() = %+v, want it known, with its use of memory", exit)
			}
			if p.Alive() {
				t.Error("Alive = true after the end")
			}
			if err := p.SignalGroup(syscall.SIGTERM); err == nil {
				t.Error("SignalGroup succeeded after the end")
			}
		})
	}
}

func TestStartFails(t *testing.T) {
	_, err := reaper.Start(worker.Command{Args: []string{"/no/such/program"}})
	if err == nil || !strings.Contains(err.Error(), "cannot start /no/such/program") {
		t.Errorf("Start = %v, want the program's name", err)
	}
}

// TestNoStatusIsMixedUp starts many processes that end at once.
func TestNoStatusIsMixedUp(t *testing.T) {
	var all sync.WaitGroup
	for code := range 40 {
		all.Go(func() {
			p, _ := shell(t, fmt.Sprintf("exit %d", code))
			if got := wait(t, p).Code; got != code {
				t.Errorf("status = %d, want %d", got, code)
			}
		})
	}
	all.Wait()
}

func TestGroupEndsWithItsLeader(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the leader can be looked at without waiting for it on Linux alone")
	}
	p, out := shell(t, "sleep 300 >/dev/null & echo $!")
	child := readPID(t, out)
	wait(t, p)
	until(t, "the group of an ended worker is gone", func() bool { return gone(child) })
}

func TestSignalGroup(t *testing.T) {
	p, out := shell(t, "sleep 300 >/dev/null & echo $!; wait")
	child := readPID(t, out)
	if err := p.SignalGroup(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := wait(t, p).Signal; got != syscall.SIGTERM {
		t.Errorf("signal = %v, want SIGTERM", got)
	}
	until(t, "the child got the signal too", func() bool { return gone(child) })
}

// escaped starts a process that leaves its group and session and outlives its
// parent, and returns its pid.
func escaped(t *testing.T, env ...string) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("there is no setsid command")
	}
	p, out := shell(t, "setsid sleep 300 >/dev/null & echo $!; read nothing </dev/null; exit 0", env...)
	pid := readPID(t, out)
	wait(t, p)
	return pid
}

// escapedLeader is escaped, once it leads its own session.
func escapedLeader(t *testing.T, env ...string) int {
	t.Helper()
	for range 20 {
		pid := escaped(t, env...) // killed with its group when it was too slow to leave it
		if pgid, err := syscall.Getpgid(pid); err != nil || pgid != pid {
			continue
		}
		// While it becomes another program its environment cannot be read.
		until(t, "the escaped process sleeps", func() bool {
			comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
			return err == nil && string(comm) == "sleep\n"
		})
		return pid
	}
	t.Fatal("no process ever escaped")
	return 0
}

func TestSweep(t *testing.T) {
	lineage := t.Name()
	pid := escapedLeader(t, worker.Marker+"="+worker.MarkerValue(lineage, "pool.api/0@1"))
	for name, dead := range map[string]map[string]bool{
		"nobody": {}, "another incarnation": {"pool.api/0@2": true}, "a longer name": {"pool.api/0@11": true},
	} {
		if n := worker.Sweep(lineage, func(i string) bool { return dead[i] }); n != 0 {
			t.Errorf("Sweep for %s killed %d processes", name, n)
		}
	}
	if n := worker.Sweep("another", func(i string) bool { return i == "pool.api/0@1" }); n != 0 {
		t.Errorf("Sweep of another instance killed %d processes", n)
	}
	if gone(pid) {
		t.Fatal("the process is gone too early")
	}
	if n := worker.Sweep(lineage, func(i string) bool { return i == "pool.api/0@1" }); n != 1 {
		t.Errorf("Sweep = %d, want 1", n)
	}
	// It is an orphan: the reaper has to wait for it, or it stays a zombie.
	until(t, "the orphan was reaped", func() bool { return gone(pid) })
}

// strangersLeader returns the leader of a process group whose parent is not this
// process.
func strangersLeader(t *testing.T) int {
	t.Helper()
	_, lines := shell(t, `setsid sleep 300 & echo $!; wait`)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	until(t, "the process leads its group", func() bool {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		pgid, groupErr := syscall.Getpgid(pid)
		return err == nil && groupErr == nil && string(comm) == "sleep\n" && pgid == pid
	})
	return pid
}

// A former image of this process has started it: how it ends is known.
func TestAdoptOwnChild(t *testing.T) {
	pid := escapedLeader(t)
	id, err := worker.Identify(pid)
	if err != nil {
		t.Fatal(err)
	}
	p, err := reaper.Adopt(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SignalGroup(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if got := wait(t, p); !got.Known || got.Signal != syscall.SIGKILL {
		t.Errorf("Exit() = %q, want that SIGKILL ended it", got)
	}
}

func TestAdopt(t *testing.T) {
	pid := strangersLeader(t)
	id, err := worker.Identify(pid)
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]worker.Identity{
		"another start time": {PID: id.PID, StartTime: id.StartTime + 1, BootID: id.BootID},
		"another boot":       {PID: id.PID, StartTime: id.StartTime, BootID: "other"},
		"no process":         {PID: 1 << 22, StartTime: id.StartTime, BootID: id.BootID},
		"init":               {PID: 1, StartTime: 1, BootID: id.BootID},
	} {
		if p, err := reaper.Adopt(wrong); err == nil {
			t.Errorf("Adopt took %s: %+v", name, p)
		}
		if wrong.Alive() || wrong.SignalGroup(syscall.SIGKILL) == nil {
			t.Errorf("%s: it counts as alive", name)
		}
	}
	if !id.Alive() {
		t.Fatal("the process is gone too early")
	}
	p, err := reaper.Adopt(id)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
		t.Fatal("Done is closed while the process lives")
	default:
	}
	if worker.RSS(pid) == 0 {
		t.Error("RSS = 0 for a living process")
	}
	if err := p.SignalGroup(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if got := wait(t, p).String(); !strings.Contains(got, "status unknown") {
		t.Errorf("Exit() = %q, want it unknown", got)
	}
	if _, err := reaper.Adopt(id); err == nil {
		t.Error("Adopt took a process that ended")
	}
}
