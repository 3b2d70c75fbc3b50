package wire

import _ "unsafe" // for go:linkname

// Monotonic returns the clock of deadlines in nanoseconds: CLOCK_MONOTONIC on
// Linux, mach_absolute_time on macOS. In both cases it is what Python's
// time.monotonic_ns returns in any process of the same machine.
func Monotonic() int64 { return nanotime() }

// nanotime is the runtime's own reading, which time.Now makes too but does not
// tell. The runtime promises to keep it for packages that link to it.
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64
