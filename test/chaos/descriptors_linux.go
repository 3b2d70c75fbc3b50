package chaos

import "golang.org/x/sys/unix"

// allowDescriptors limits the open files of a process to few, and returns how to lift
// the limit again.
func allowDescriptors(pid int, few uint64) (restore func(), err error) {
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		return nil, err
	}
	limit := before
	limit.Cur = few
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		return nil, err
	}
	return func() { _ = unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil) }, nil
}
