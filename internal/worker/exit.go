package worker

import (
	"fmt"
	"syscall"
	"time"
)

// Exit tells how a process ended.
type Exit struct {
	// Known is false for an adopted worker: only its parent learns the status.
	Known bool
	// Code is the exit status, -1 when a signal ended the process.
	Code       int
	Signal     syscall.Signal
	CoreDumped bool
	// User and System are the processor time it used, MaxRSS its peak resident memory
	// in bytes; all 0 when unknown.
	User, System time.Duration
	MaxRSS       int64
}

// String says it in words: "exited with status 3", "was killed by SIGSEGV
// (segmentation fault)".
func (e Exit) String() string {
	switch {
	case !e.Known:
		return "ended (status unknown: a former supervisor started it)"
	case e.Signal != 0:
		return "was killed by " + describeSignal(e.Signal)
	default:
		return fmt.Sprintf("exited with status %d", e.Code)
	}
}

func exitOf(status syscall.WaitStatus, usage *syscall.Rusage) Exit {
	e := Exit{Known: true, Code: status.ExitStatus()}
	if status.Signaled() {
		e.Code, e.Signal, e.CoreDumped = -1, status.Signal(), status.CoreDump()
	}
	e.User, e.System = time.Duration(usage.Utime.Nano()), time.Duration(usage.Stime.Nano())
	e.MaxRSS = usage.Maxrss * maxRSSUnit
	return e
}

var signals = map[string]syscall.Signal{
	"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "HUP": syscall.SIGHUP,
	"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "KILL": syscall.SIGKILL, "SEGV": syscall.SIGSEGV,
	"ABRT": syscall.SIGABRT, "BUS": syscall.SIGBUS, "ILL": syscall.SIGILL, "FPE": syscall.SIGFPE,
	"PIPE": syscall.SIGPIPE, "ALRM": syscall.SIGALRM,
}

// SignalByName returns the signal with that name, without SIG; TERM for a name
// that the schema would not have let through.
func SignalByName(name string) syscall.Signal {
	if sig, ok := signals[name]; ok {
		return sig
	}
	return syscall.SIGTERM
}

// describeSignal names a signal, with what it means where the name alone says
// little.
func describeSignal(sig syscall.Signal) string {
	switch sig {
	case syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL:
		return fmt.Sprintf("%s (%s)", signalName(sig), sig)
	default:
		return signalName(sig)
	}
}

func signalName(sig syscall.Signal) string {
	for name, s := range signals {
		if s == sig {
			return "SIG" + name
		}
	}
	return fmt.Sprintf("signal %d", int(sig))
}
