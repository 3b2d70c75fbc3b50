package wire_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/wire"
)

func TestListenAndDialByAnyPath(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, strings.Repeat("d", 100), strings.Repeat("e", 100))
	if err := os.MkdirAll(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"short": filepath.Join(dir, "s.sock"),
		"long":  filepath.Join(long, "supervisor.sock"),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "long" && runtime.GOOS != "linux" {
				t.Skip("long paths need /proc")
			}
			l, err := wire.ListenUnix(path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			info, err := os.Lstat(path)
			if err != nil || info.Mode() != os.ModeSocket|0o600 {
				t.Errorf("the socket's mode is %v (%v), want 0600", info.Mode(), err)
			}
			conn, err := wire.DialUnix(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			checkPeer(t, l)
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("Close left the file: %v", err)
			}
		})
	}
}

func checkPeer(t *testing.T, l *wire.Listener) {
	t.Helper()
	conn, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cred, ok, err := wire.PeerCred(conn)
	if err != nil {
		t.Fatal(err)
	}
	if ok && (int(cred.UID) != os.Getuid() || int(cred.PID) != os.Getpid()) {
		t.Errorf("PeerCred() = %+v, want uid %d and pid %d", cred, os.Getuid(), os.Getpid())
	}
}

func TestListenReplacesAStaleSocketOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	old, err := wire.ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.ListenUnix(path); !errors.Is(err, wire.ErrInUse) {
		t.Errorf("ListenUnix on a live socket = %v, want ErrInUse", err)
	}
	if err := old.UnixListener.Close(); err != nil { // as a process that was killed: the file stays
		t.Fatal(err)
	}
	fresh, err := wire.ListenUnix(path)
	if err != nil {
		t.Fatalf("ListenUnix on a stale socket: %v", err)
	}
	if err := fresh.Close(); err != nil {
		t.Error(err)
	}
}

func TestCloseKeepsTheSocketOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	old, err := wire.ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	next, err := wire.ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("Close removed the socket of another: %v", err)
	}
}

func TestListenKeepsAFileThatIsNoSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.ListenUnix(path); err == nil || !strings.Contains(err.Error(), "is not a socket") {
		t.Errorf("ListenUnix on a file = %v, want an error that says so", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Errorf("the file holds %q, %v", b, err)
	}
}

func TestSocketErrorsNameThePath(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{
		"missing":           filepath.Join(dir, "none.sock"),
		"missing, long":     filepath.Join(dir, strings.Repeat("d", 120), "none.sock"),
		"name of 150 bytes": filepath.Join(dir, strings.Repeat("n", 150)),
	} {
		_, err := wire.DialUnix(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), "cannot connect to "+path) {
			t.Errorf("%s: %v, want an error that names %s", name, err, path)
		}
	}
	if _, err := wire.DialUnix(t.Context(), filepath.Join(dir, "none.sock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("dialling a missing socket: %v, want os.ErrNotExist", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := wire.DialUnix(gone, filepath.Join(dir, "none.sock")); !errors.Is(err, context.Canceled) {
		t.Errorf("dialling with an ended context: %v, want context.Canceled", err)
	}
}

func TestSniff(t *testing.T) {
	tests := []struct {
		name, sent, rest string
		frames           bool
		wantErr          error
	}{
		{"frames", "SNK1rest", "rest", true, nil},
		{"http", "GET /healthz HTTP/1.1\r\n", "GET /healthz HTTP/1.1\r\n", false, nil},
		{"nothing", "", "", false, io.EOF},
		{"too little", "SNK", "", false, io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			go func() {
				_, _ = io.WriteString(near, tt.sent)
				_ = near.Close()
			}()
			frames, conn, err := wire.Sniff(far)
			if !errors.Is(err, tt.wantErr) || frames != tt.frames {
				t.Fatalf("Sniff() = %t, %v, want %t, %v", frames, err, tt.frames, tt.wantErr)
			}
			if err != nil {
				return
			}
			if rest, err := io.ReadAll(conn); err != nil || string(rest) != tt.rest {
				t.Errorf("the rest is %q, %v, want %q", rest, err, tt.rest)
			}
		})
	}
}

func TestMonotonicIsPythonsClock(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	before := wire.Monotonic()
	out, err := exec.CommandContext(t.Context(), python, "-c", "import time; print(time.monotonic_ns())").Output()
	after := wire.Monotonic()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if theirs < before || theirs > after {
		t.Errorf("Python reads %d, not between %d and %d", theirs, before, after)
	}
}
