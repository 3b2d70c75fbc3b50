package worker

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// BootID returns the kernel's id of this boot, "" when it cannot be read.
var BootID = sync.OnceValue(func() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
})

// startTime reads field 22 of /proc/PID/stat (proc(5)): clock ticks since boot. A
// zombie counts as gone.
func startTime(pid int) (uint64, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// The second field is the command in parentheses, which may hold anything.
	i := bytes.LastIndexByte(b, ')')
	fields := strings.Fields(string(b[i+1:]))
	if i < 0 || len(fields) < 20 {
		return 0, fmt.Errorf("unexpected /proc/%d/stat", pid)
	}
	if state := fields[0]; state == "Z" || state == "X" {
		return 0, fmt.Errorf("process %d is a zombie", pid)
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// becomeSubreaper makes orphaned descendants children of this process.
func becomeSubreaper() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// peekExited returns the pid of a child that has exited and was not waited for,
// 0 when there is none now.
func peekExited() (int, error) {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if err != nil {
		return 0, err
	}
	// si_pid follows the three ints of the header and, on 64 bit, their padding.
	return int(siginfoPID(&info)), nil
}

// isOwnChild reports whether the process is a child of this one, which it stays when it
// has exited until it is waited for.
func isOwnChild(pid int) bool {
	var info unix.Siginfo
	return pid > 1 && unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) == nil
}

// marked calls found for every process whose environment holds a marker.
func marked(prefix string, found func(pid int, value string)) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	want := []byte(Marker + "=" + prefix)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		env, err := os.ReadFile("/proc/" + entry.Name() + "/environ")
		if err != nil || !bytes.Contains(env, want) {
			continue
		}
		for field := range bytes.SplitSeq(env, []byte{0}) {
			if bytes.HasPrefix(field, want) {
				found(pid, string(field[len(Marker)+1:]))
			}
		}
	}
}

// RSS returns the resident memory of a process in bytes, 0 when it cannot be read.
func RSS(pid int) int64 {
	const resident = 1
	return statm(pid, resident)
}

// statm returns a column of /proc/PID/statm (proc(5)) in bytes, 0 when it cannot be
// read.
//
// A status asks for every worker. What os.ReadFile does besides, which is to look for a
// size, to offer the file to the poller and to read on to its end, is half of the time.
func statm(pid, column int) int64 {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/statm", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer closeProcess(fd)
	var line [128]byte // seven numbers of pages
	n, err := unix.Read(fd, line[:])
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(line[:n]))
	if len(fields) <= column {
		return 0
	}
	pages, err := strconv.ParseInt(fields[column], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// watchExits waits until one of the processes that fds name has exited, or until
// wake is readable, and returns the indexes of the exited ones.
func watchExits(wake int, fds []int) ([]int, error) {
	set := []unix.PollFd{{Fd: int32(wake), Events: unix.POLLIN}}
	for _, fd := range fds {
		set = append(set, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	if _, err := unix.Poll(set, -1); err != nil && err != unix.EINTR {
		return nil, err
	}
	if set[0].Revents != 0 {
		var buf [64]byte
		_, _ = unix.Read(wake, buf[:])
	}
	var exited []int
	for i, p := range set[1:] {
		if p.Revents != 0 {
			exited = append(exited, i)
		}
	}
	return exited, nil
}

// openProcess returns a descriptor that becomes readable when the process exits.
func openProcess(pid int) (int, error) { return unix.PidfdOpen(pid, 0) }

func closeProcess(fd int) { _ = unix.Close(fd) }

// attributes returns how a process starts: as the leader of its own process group
// and, where one is given, in a control group.
func attributes(group *os.File) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if group != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, int(group.Fd())
	}
	return attr
}
