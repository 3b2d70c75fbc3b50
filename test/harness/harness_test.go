package harness

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// An instance finds a process even when it has a session of its own and its
// parent is gone, and Close says so.
func TestCloseNoticesAnEscapedProcess(t *testing.T) {
	i, err := New(t.Context(), "/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	i.patience = 100 * time.Millisecond
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "setsid sleep 300 >/dev/null 2>&1 & echo started")
	cmd.Env = i.Env()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("sh said %q: %v", line, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	left, err := i.Processes()
	if err != nil || len(left) != 1 {
		t.Fatalf("Processes() = %v, %v, want one", left, err)
	}
	if err := i.Close(t.Context()); err == nil {
		t.Error("Close() = nil, want an error that names the process")
	}
	if !Until(t.Context(), 5*time.Second, func() bool { return !Running(left[0].PID) }) {
		t.Errorf("process %v still runs after Close", left[0])
	}
	if _, err := os.Stat(i.base); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v, want no directory", err)
	}
}

func TestCloseOfAnUnusedInstance(t *testing.T) {
	i, err := New(t.Context(), "/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Close(t.Context()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
}

func TestEnvLeadsToTheInstance(t *testing.T) {
	i, err := New(t.Context(), "/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close(context.WithoutCancel(t.Context())) })
	if want := "SNAKECTL_INSTANCE=" + i.Dir; !slices.Contains(i.Env(), want) {
		t.Errorf("Env() = %q, want it to contain %q", i.Env(), want)
	}
}

func TestNetworkSocketsAreNoticed(t *testing.T) {
	i, err := New(t.Context(), "/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	i.patience = 100 * time.Millisecond
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("no TCP here: ", err)
	}
	defer func() { _ = listener.Close() }()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	cmd := exec.CommandContext(t.Context(), "sleep", "300")
	cmd.Env = i.Env()
	cmd.ExtraFiles = []*os.File{file}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var found []string
	Until(t.Context(), 5*time.Second, func() bool {
		found, err = i.NetworkSockets()
		return err != nil || len(found) > 0
	})
	if err != nil || len(found) != 1 {
		t.Errorf("NetworkSockets() = %q, %v, want one", found, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := i.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}
