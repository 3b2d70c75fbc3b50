package worker

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Pin has the process run on some processors alone; nil changes nothing. Call it before
// the process has threads: one that exists already goes on as before.
func (id Identity) Pin(cpus []int) error {
	if cpus == nil {
		return nil
	}
	var want, got unix.CPUSet
	for _, cpu := range cpus {
		want.Set(cpu)
	}
	if err := unix.SchedSetaffinity(id.PID, &want); err != nil {
		return fmt.Errorf("cannot pin process %d to the processors %v (devices.cpus): %w", id.PID, cpus, err)
	}
	// The kernel leaves out, without a word, what a cpuset or the machine does not have.
	if err := unix.SchedGetaffinity(id.PID, &got); err != nil {
		return fmt.Errorf("cannot read the processors of process %d: %w", id.PID, err)
	}
	if got != want {
		return fmt.Errorf("cannot pin process %d to the processors %v (devices.cpus): some of them are not the supervisor's to use; taskset -p %d shows which are", id.PID, cpus, unix.Getpid())
	}
	return nil
}
