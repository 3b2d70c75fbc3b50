package worker

import (
	"fmt"
	"syscall"
)

// Identity names one process for ever: a pid alone is used again by the kernel.
type Identity struct {
	PID int
	// StartTime is the kernel's start time of the process: clock ticks since boot
	// on Linux, microseconds since the epoch on macOS.
	StartTime uint64
	BootID    string
}

// Identify returns the identity of the process that has pid now.
func Identify(pid int) (Identity, error) {
	start, err := startTime(pid)
	if err != nil {
		return Identity{}, fmt.Errorf("cannot identify process %d: %w", pid, err)
	}
	return Identity{PID: pid, StartTime: start, BootID: BootID()}, nil
}

// Alive reports whether this very process still exists, zombies excluded.
func (id Identity) Alive() bool {
	if id.PID <= 1 || id.BootID != BootID() {
		return false
	}
	start, err := startTime(id.PID)
	return err == nil && start == id.StartTime
}

// SignalGroup sends sig to the process group that the process leads, after making
// sure that the process is still the one it was. A group whose leader is gone is
// left alone.
func (id Identity) SignalGroup(sig syscall.Signal) error {
	if !id.Alive() {
		return fmt.Errorf("process %d is not the worker any more", id.PID)
	}
	if err := syscall.Kill(-id.PID, sig); err != nil {
		return fmt.Errorf("cannot signal process group %d: %w", id.PID, err)
	}
	return nil
}
