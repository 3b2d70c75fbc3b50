package worker

import (
	"fmt"
	"syscall"

	"github.com/snakectl/snakectl/internal/pool"
)

// Circumstances are what its exit status alone does not tell of a worker's end.
type Circumstances struct {
	// Killed is why the supervisor killed it, empty when it did not.
	Killed string
	// Said is what the worker itself had said was wrong, empty for nothing.
	Said   string
	Memory MemoryUse
}

// MemoryUse is what whoever limits a worker's memory knows of it at its end. The
// zero value says that nothing limits it and nothing was counted.
type MemoryUse struct {
	// Limit is the hard limit in force and Peak the most that was held, in bytes; 0
	// when there is none, or it is unknown.
	Limit, Peak int64
	// Counted: Kills is how many of its processes the kernel has killed at the limit.
	// Otherwise nobody counts them.
	Counted bool
	Kills   int
}

// oomHint is for a SIGKILL that the supervisor did not send, where nobody counts
// what the kernel kills.
const oomHint = "nobody here sent it that SIGKILL: maybe the kernel's out-of-memory killer did, see dmesg"

// Explain says how a process ended. What only its owner knows, such as its name,
// its call and its last words, is the owner's to add.
func Explain(e Exit, c Circumstances) pool.Death {
	d := pool.Death{
		Class: classify(e, c), Text: e.String(), Reason: c.Killed, ExitCode: e.shellStatus(), CoreDumped: e.CoreDumped,
		UserUS: e.User.Microseconds(), SystemUS: e.System.Microseconds(),
		PeakRSSBytes: max(e.MaxRSS, c.Memory.Peak), MemoryLimitBytes: c.Memory.Limit,
	}
	if e.Signal != 0 {
		d.Signal = signalName(e.Signal)
	}
	switch {
	case d.Class == pool.DeathOOM:
		d.Text = "was killed: out of memory" + describeMemory(c.Memory)
	case d.Class == pool.DeathKilled:
		d.Text = "was killed: " + c.Killed
	case d.Class == pool.DeathSignal && e.Signal == syscall.SIGKILL && !c.Memory.Counted:
		d.Hint = oomHint
	}
	if d.Reason == "" {
		d.Reason = c.Said
	}
	return d
}

// classify is Explain's decision. What the supervisor did itself comes first, then
// what the kernel counted: both explain the signal that ended the process.
func classify(e Exit, c Circumstances) pool.DeathClass {
	switch {
	case c.Killed != "":
		return pool.DeathKilled
	case (!e.Known || e.Signal == syscall.SIGKILL) && c.Memory.Counted && c.Memory.Kills > 0:
		return pool.DeathOOM
	case !e.Known:
		return pool.DeathUnknown
	}
	switch e.Signal {
	case 0:
		return pool.DeathExit
	case syscall.SIGSEGV, syscall.SIGBUS:
		return pool.DeathSegfault
	case syscall.SIGABRT:
		return pool.DeathAbort
	default:
		return pool.DeathSignal
	}
}

func describeMemory(m MemoryUse) string {
	switch {
	case m.Limit == 0:
		return ""
	case m.Peak == 0:
		return fmt.Sprintf(" (limit %s)", pool.Size(m.Limit))
	}
	return fmt.Sprintf(" (limit %s, peak %s)", pool.Size(m.Limit), pool.Size(m.Peak).Short())
}

// shellStatus returns the exit status as a shell tells it, -1 when it is unknown.
func (e Exit) shellStatus() int {
	const signalled = 128
	switch {
	case !e.Known:
		return -1
	case e.Signal != 0:
		return signalled + int(e.Signal)
	}
	return e.Code
}
