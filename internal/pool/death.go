package pool

import (
	"fmt"
	"time"
)

// DeathClass says what kind of end a worker had; programs branch on it.
type DeathClass string

// The classes of deaths.
const (
	// DeathExit: the process exited by itself, with any status.
	DeathExit DeathClass = "exit"
	// DeathSignal: a signal ended it that no other class names and that the supervisor
	// did not send.
	DeathSignal DeathClass = "signal"
	// DeathSegfault: it touched memory that it must not: SIGSEGV or SIGBUS.
	DeathSegfault DeathClass = "segfault"
	// DeathAbort: it gave itself up: SIGABRT.
	DeathAbort DeathClass = "abort"
	// DeathOOM: the kernel killed it at its memory limit.
	DeathOOM DeathClass = "oom"
	// DeathKilled: the supervisor killed it; Reason says why.
	DeathKilled DeathClass = "killed"
	// DeathUnknown: a former supervisor started it, and only the parent of a process
	// learns its exit status.
	DeathUnknown DeathClass = "unknown"
)

// Death is all that is known of how one worker ended that nobody had asked to
// end. Fields are only ever added.
type Death struct {
	// Worker is the incarnation: pool.api/0@7f2c.
	Worker string     `json:"worker"`
	At     time.Time  `json:"at"`
	Class  DeathClass `json:"class"`
	// Text says it in words, to be put behind "the worker": "exited with status 3", "was
	// killed by SIGSEGV (segmentation fault)", "was killed: out of memory (limit 64MiB)".
	Text string `json:"text"`
	// Reason is why the supervisor killed it, or what it said itself was wrong.
	Reason string `json:"reason,omitempty"`
	// ExitCode is the exit status as a shell tells it: 128 and the number of the signal
	// where one ended the process; -1 when it is unknown.
	ExitCode int `json:"exit_code"`
	// Signal is the name of the signal that ended it: SIGSEGV.
	Signal     string `json:"signal,omitempty"`
	CoreDumped bool   `json:"core_dumped,omitempty"`
	// UserUS and SystemUS are the processor time it used, in microseconds, PeakRSSBytes
	// the most resident memory it had. They are 0 when they are unknown.
	UserUS       int64 `json:"user_us"`
	SystemUS     int64 `json:"system_us"`
	PeakRSSBytes int64 `json:"peak_rss_bytes"`
	// MemoryLimitBytes is the hard limit that was in force, 0 for none.
	MemoryLimitBytes int64 `json:"memory_limit_bytes,omitempty"`
	// LifetimeUS is how long it lived, in microseconds.
	LifetimeUS int64 `json:"lifetime_us"`
	// Call is the call that it executed; nil when it had none.
	Call *DeathCall `json:"call,omitempty"`
	// Others are the calls that its other slots executed, younger ones than Call.
	Others []DeathCall `json:"others,omitempty"`
	// Stack is Python's stack at the end, where it wrote one to its log.
	Stack string `json:"stack,omitempty"`
	// Stderr holds the last other lines that it wrote.
	Stderr string `json:"stderr,omitempty"`
	// Hint says where to look next.
	Hint string `json:"hint,omitempty"`
}

// DeathCall is the call that a worker executed when it died.
type DeathCall struct {
	// ID is the call id in hexadecimal. It is empty for a call of a former supervisor.
	ID string `json:"id,omitempty"`
	// Command is its name, empty when it is not known.
	Command string `json:"command,omitempty"`
	// RanUS is how long it had run, in microseconds.
	RanUS int64 `json:"ran_us"`
}

// Summary says in a few words how the process ended, the same for ends of one
// kind: "exited 3", "exited 139 (SIGSEGV)", "exited 137 (killed: out of memory)".
func (d *Death) Summary() string {
	switch {
	case d.Class == DeathOOM && d.ExitCode < 0:
		return "killed: out of memory"
	case d.Class == DeathOOM:
		return fmt.Sprintf("exited %d (killed: out of memory)", d.ExitCode)
	case d.Class == DeathKilled && d.ExitCode < 0:
		return d.Text
	case d.Class == DeathKilled:
		return fmt.Sprintf("exited %d (killed: %s)", d.ExitCode, d.Reason)
	case d.Reason != "":
		return d.Reason
	case d.Class == DeathUnknown:
		return "ended (status unknown)"
	case d.Signal != "":
		return fmt.Sprintf("exited %d (%s)", d.ExitCode, d.Signal)
	}
	return fmt.Sprintf("exited %d", d.ExitCode)
}
