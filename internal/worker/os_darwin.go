package worker

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// BootID returns the time of this boot, which names it as well as an id would.
var BootID = sync.OnceValue(func() string {
	tv, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d.%06d", tv.Sec, tv.Usec)
})

// startTime returns microseconds since the epoch, from the kernel's process table.
func startTime(pid int) (uint64, error) {
	kp, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0, err
	}
	const zombie = 5 // SZOMB in sys/proc.h
	if kp.Proc.P_pid != int32(pid) || kp.Proc.P_stat == zombie {
		return 0, syscall.ESRCH
	}
	started := kp.Proc.P_starttime
	return uint64(started.Sec)*1_000_000 + uint64(started.Usec), nil
}

// becomeSubreaper does nothing: macOS has no subreaper, orphans go to launchd.
func becomeSubreaper() error { return nil }

// isOwnChild cannot look without waiting here: a child's end is noticed as that of any
// other process.
func isOwnChild(int) bool { return false }

// peekExited cannot look without waiting here; the group of an exited worker is
// then killed after its leader was reaped.
func peekExited() (int, error) { return 0, nil }

// marked finds nothing: other processes' environments cannot be read on macOS.
func marked(string, func(pid int, value string)) {}

// RSS returns 0: the resident size needs Mach calls that Go cannot make without C.
func RSS(int) int64 { return 0 }

// openProcess returns the pid itself: there is no descriptor of a process.
func openProcess(pid int) (int, error) { return pid, nil }

// watchExits looks every 50 ms, since macOS has no pidfd.
func watchExits(wake int, fds []int) ([]int, error) {
	set := []unix.PollFd{{Fd: int32(wake), Events: unix.POLLIN}}
	if _, err := unix.Poll(set, int(50*time.Millisecond/time.Millisecond)); err != nil && err != unix.EINTR { //nolint:errorlint // an errno, never wrapped
		return nil, err
	}
	if set[0].Revents != 0 {
		var buf [64]byte
		_, _ = unix.Read(wake, buf[:])
	}
	var exited []int
	for i, pid := range fds {
		if err := syscall.Kill(pid, 0); err == syscall.ESRCH { //nolint:errorlint // an errno, never wrapped
			exited = append(exited, i)
		}
	}
	return exited, nil
}

func closeProcess(int) {}

// GroupMemory returns nothing: the memory of other processes needs Mach calls that
// Go cannot make without C.
func GroupMemory([]int) map[int]int64 { return nil }

// attributes returns how a process starts: as the leader of its own process group.
// There are no control groups on macOS.
func attributes(*os.File) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// parentOf fails: nothing forks workers here.
func parentOf(pid int) (int, error) {
	return 0, fmt.Errorf("cannot tell the parent of process %d on macOS", pid)
}
