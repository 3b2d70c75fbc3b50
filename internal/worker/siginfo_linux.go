package worker

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// siginfoPID reads si_pid of a SIGCHLD siginfo. Package unix gives the structure
// no names for its union; on the 64-bit platforms we build for, the union starts
// at offset 16 and si_pid is its first member (siginfo_t in sigaction(2)).
func siginfoPID(info *unix.Siginfo) int32 {
	return *(*int32)(unsafe.Add(unsafe.Pointer(info), 16))
}
