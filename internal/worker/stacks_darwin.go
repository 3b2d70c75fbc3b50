package worker

import "syscall"

// quietTicks is for how long a dump must not grow: macOS does not tell whether a
// handler still runs.
const quietTicks = 50

// catches cannot be seen on macOS: the file of stacks, which the worker makes just
// before it listens, has to do.
func catches(int, syscall.Signal) bool { return true }

func blocking(int, syscall.Signal) map[int]bool { return nil }

func handling(int, syscall.Signal, map[int]bool) bool { return false }

// threads returns none: macOS signals no single thread of another process.
func threads(int) []int { return nil }

func signalThread(int, int, syscall.Signal) error { return syscall.ENOTSUP }
