package load

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/test/harness"
)

// TestSupervisorOutlivesLackOfDescriptors takes every free descriptor away while a
// worker dies and clients connect, and gives them back.
func TestSupervisorOutlivesLackOfDescriptors(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts real workers")
	}
	s := start(t)
	before := s.settle()
	status, err := s.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pid := status.Supervisor.PID
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Skip("no /proc here: ", err)
	}
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(len(open)), Max: limit.Max}, nil); err != nil {
		t.Fatal(err)
	}
	var dialer net.Dialer
	for range open {
		conn, err := dialer.DialContext(t.Context(), "unix", s.client.Socket())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if err := syscall.Kill(before["steady"].Workers[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(s.instance.Dir, "logs", "supervisor.log")
	if !harness.Until(t.Context(), settling, func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), "cannot accept clients for now")
	}) {
		t.Fatal("the supervisor did not run out of descriptors")
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Fatal(err)
	}
	fresh := client.New(s.client.Socket())
	defer fresh.Close()
	if _, err := fresh.Exec(t.Context(), "steady", "echo", kwargs{"value": 1}, client.Timeout(settling)); err != nil {
		t.Errorf("Exec = %v", err)
	}
	s.settle()
}
