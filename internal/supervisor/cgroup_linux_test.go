package supervisor

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

// hogs is set in the environment of this program when it plays a worker that takes as
// many MiB as the number it reads, or, at "child 200", has a child do so. The child
// finds its number here.
const hogs = "SUPERVISOR_TEST_HOG"

// TestHog is no test: it is what a worker of TestWorkersInControlGroups runs.
func TestHog(t *testing.T) {
	var in io.Reader = os.Stdin
	switch order := os.Getenv(hogs); order {
	case "":
		t.Skip("it is run by TestWorkersInControlGroups")
	case "1":
	default:
		in = strings.NewReader(order)
	}
	var held [][]byte
	for in := bufio.NewScanner(in); in.Scan(); {
		if order, ok := strings.CutPrefix(in.Text(), "child "); ok {
			t.Setenv(hogs, order)
			child, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = child.Wait()
			continue
		}
		mib, err := strconv.Atoi(in.Text())
		if err != nil {
			t.Fatal(err)
		}
		part := make([]byte, mib<<20)
		for i := range part {
			part[i] = byte(i)
		}
		held = append(held, part)
		fmt.Println("held", len(held))
	}
}

// hog is a worker that takes memory when it is told.
type hog struct {
	entry *workerEntry
	tell  *os.File
	said  *bufio.Reader
}

func startHog(t *testing.T, reaper *worker.Reaper, l *limiter, incarnation string, limits pool.Limits) *hog {
	t.Helper()
	entry := &workerEntry{rec: pool.Worker{Pool: `pool.api["eu/1"]`, Incarnation: incarnation}}
	held, group, err := l.begin(&entry.rec, limits)
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	inR, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	entry.restraint = held
	entry.process, err = reaper.Start(worker.Command{
		Args: []string{"/proc/self/exe", "-test.run=^TestHog$"}, Env: append(os.Environ(), hogs+"=1", "GOGC=off"),
		Files: []*os.File{inR, outW, os.Stderr}, Group: group,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = inR.Close(), outW.Close()
	entry.rec.PID, entry.rec.Inherited = entry.process.PID, entry.process.Inherited
	t.Cleanup(func() {
		_ = entry.process.SignalGroup(syscall.SIGKILL)
		<-entry.process.Done()
		_, _ = inW.Close(), outR.Close()
	})
	return &hog{entry: entry, tell: inW, said: bufio.NewReader(outR)}
}

func (h *hog) take(t *testing.T, order string) {
	t.Helper()
	if _, err := fmt.Fprintln(h.tell, order); err != nil {
		t.Fatal(err)
	}
}

func (h *hog) hear(t *testing.T, want string) {
	t.Helper()
	if line, err := h.said.ReadString('\n'); err != nil || strings.TrimSpace(line) != want {
		t.Fatalf("the worker said %q, %v, want %q", line, err, want)
	}
}

// died waits for the end of the worker and returns how it is explained.
func (h *hog) died() pool.Death {
	<-h.entry.process.Done()
	return worker.Explain(h.entry.process.Exit(), worker.Circumstances{Memory: h.entry.restraint.use()})
}

// The kernel's own control groups: what `make cgroup-vm` runs in a machine that has
// them, and any other that lets this process have a subtree.
func TestWorkersInControlGroups(t *testing.T) {
	if _, c := Confine(os.Getpid()); c.Memory != pool.MechanismCgroup {
		t.Skipf("limits.memory is not by cgroup v2 here: %s", c.Why)
	}
	reaper, err := worker.NewReaper(discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { reaper.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	l := newLimiter("test", discard)
	if l.confinement.Memory != pool.MechanismCgroup {
		t.Fatalf("confinement = %+v", l.confinement)
	}
	t.Cleanup(l.close)

	t.Run("an end for want of memory is told with the figures", func(t *testing.T) {
		h := startHog(t, reaper, l, "0001", pool.Limits{Memory: 64 << 20})
		h.take(t, "16")
		h.hear(t, "held 1")
		h.take(t, "200")
		d := h.died()
		if d.Class != pool.DeathOOM || d.Text != "was killed: out of memory (limit 64MiB, peak 64.0MiB)" {
			t.Errorf("death = %s: %s", d.Class, d.Text)
		}
		t.Logf("the worker %s", d.Text)
		removed(t, l, h)
	})
	t.Run("what children hold counts, and all end", func(t *testing.T) {
		h := startHog(t, reaper, l, "0002", pool.Limits{Memory: 64 << 20})
		h.take(t, "child 200")
		if d := h.died(); d.Class != pool.DeathOOM {
			t.Errorf("death = %s: %s", d.Class, d.Text)
		}
		removed(t, l, h)
	})
	t.Run("a limit is live", func(t *testing.T) {
		h := startHog(t, reaper, l, "0003", pool.Limits{Memory: 64 << 20})
		h.take(t, "1") // the Go runtime has raised its own limit on files now
		h.hear(t, "held 1")
		if err := h.entry.limit(pool.Limits{Memory: 256 << 20, NoFile: 128}); err != nil {
			t.Fatal(err)
		}
		h.take(t, "120")
		h.hear(t, "held 2")
		if held := h.entry.restraint.held(0); held < 120<<20 {
			t.Errorf("it holds %s, want 120MiB and more", held.Short())
		}
		if got, err := h.entry.process.Rlimits(); err != nil || got.NoFile != 128 || got.Data != h.entry.rec.Inherited.Data {
			t.Errorf("rlimits = %+v, %v", got, err)
		}
		found := l.find(&h.entry.rec, h.entry.process)
		if found.group == nil || found.limits != (pool.Limits{Memory: 256 << 20, NoFile: 128}) {
			t.Errorf("the next supervisor finds %+v", found.limits)
		}
	})
	t.Run("what nobody owns is removed", func(t *testing.T) {
		keep := startHog(t, reaper, l, "0004", pool.Limits{})
		gone := startHog(t, reaper, l, "0005", pool.Limits{})
		l.clear(map[string]bool{groupName(&keep.entry.rec): true})
		<-gone.entry.process.Done()
		l.removals.Wait()
		if l.tree.Group(groupName(&gone.entry.rec)) != nil || l.tree.Group(groupName(&keep.entry.rec)) == nil {
			t.Error("the wrong group was removed")
		}
		keep.take(t, "1")
		keep.hear(t, "held 1")
	})
}

// removed ends the group of a worker that is gone and looks that it is.
func removed(t *testing.T, l *limiter, h *hog) {
	t.Helper()
	l.end(h.entry.restraint)
	l.removals.Wait()
	if l.tree.Group(groupName(&h.entry.rec)) != nil {
		t.Error("the group is still there")
	}
}
