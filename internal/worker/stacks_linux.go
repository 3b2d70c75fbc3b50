package worker

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// quietTicks is for how long a dump must not grow: the kernel tells when it is
// complete.
const quietTicks = 1

// catches reports whether a process has a handler for a signal.
func catches(pid int, sig syscall.Signal) bool {
	return signalSet(fmt.Sprintf("/proc/%d/status", pid), "SigCgt:", sig)
}

// blocking returns the threads of a process that hold a signal back.
func blocking(pid int, sig syscall.Signal) map[int]bool {
	out := map[int]bool{}
	for _, tid := range threads(pid) {
		if signalSet(threadStatus(pid, tid), "SigBlk:", sig) {
			out[tid] = true
		}
	}
	return out
}

// handling reports whether a signal waits for a process, or a thread is in its
// handler. blocked are the threads that always hold it back.
func handling(pid int, sig syscall.Signal, blocked map[int]bool) bool {
	for _, tid := range threads(pid) {
		path := threadStatus(pid, tid)
		if signalSet(path, "ShdPnd:", sig) || !blocked[tid] && (signalSet(path, "SigPnd:", sig) || signalSet(path, "SigBlk:", sig)) {
			return true
		}
	}
	return false
}

func threads(pid int) []int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil // it has ended
	}
	var out []int
	for _, e := range entries {
		if tid, err := strconv.Atoi(e.Name()); err == nil {
			out = append(out, tid)
		}
	}
	return out
}

func threadStatus(pid, tid int) string {
	return filepath.Join("/proc", strconv.Itoa(pid), "task", strconv.Itoa(tid), "status")
}

// signalSet reports whether a signal is in one of the sets of a status file
// (proc(5)).
func signalSet(path, set string, sig syscall.Signal) bool {
	b, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(b) {
		if text, ok := bytes.CutPrefix(line, []byte(set)); ok {
			mask, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 16, 64)
			return err == nil && mask&(1<<(sig-1)) != 0
		}
	}
	return false
}

func signalThread(pid, tid int, sig syscall.Signal) error { return unix.Tgkill(pid, tid, sig) }
