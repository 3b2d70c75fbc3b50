package wire

import (
	"syscall"
	"unsafe"
)

// readNow and writeNow are read(2) and write(2) on a descriptor that never waits.
//
// They go around the scheduler's bookkeeping for system calls. With it, a write that
// wakes its peer on the same processor is preempted there, counts as a call that
// blocks, and costs the goroutine its P: the monitor thread takes it back and a
// second thread goes on, which is two more context switches a call.
func readNow(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0 //nolint:gosec // at most len(b)
}

func writeNow(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0 //nolint:gosec // at most len(b)
}
