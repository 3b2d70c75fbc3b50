package worker

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/snakectl/snakectl/internal/pool"
)

// Rlimits returns the soft limits of the process.
func (id Identity) Rlimits() (pool.Rlimits, error) {
	var data, files unix.Rlimit
	err := errors.Join(unix.Prlimit(id.PID, unix.RLIMIT_DATA, nil, &data), unix.Prlimit(id.PID, unix.RLIMIT_NOFILE, nil, &files))
	if err != nil {
		return pool.Rlimits{}, fmt.Errorf("cannot read the limits of process %d: %w", id.PID, err)
	}
	return pool.Rlimits{Data: data.Cur, NoFile: files.Cur}, nil
}

// Limit sets the soft limits of the process, also of one that runs; a zero one stays
// as it is. What the process holds already it keeps. A *HardLimitError says that it
// would take root.
func (id Identity) Limit(l pool.Rlimits) error {
	err := id.limit(unix.RLIMIT_NOFILE, l.NoFile)
	if _, hard := errors.AsType[*HardLimitError](err); hard {
		return err
	}
	if err = errors.Join(err, id.limit(unix.RLIMIT_DATA, l.Data)); err != nil {
		return fmt.Errorf("cannot limit process %d: %w", id.PID, err)
	}
	return nil
}

// limit sets one soft limit. A hard limit that is too low is raised by who may.
func (id Identity) limit(resource int, value uint64) error {
	if value == 0 {
		return nil
	}
	var now unix.Rlimit
	if err := unix.Prlimit(id.PID, resource, nil, &now); err != nil {
		return err
	}
	want := unix.Rlimit{Cur: value, Max: max(now.Max, value)}
	err := unix.Prlimit(id.PID, resource, &want, nil)
	if errors.Is(err, unix.EPERM) && value > now.Max {
		return &HardLimitError{Want: value, Hard: now.Max}
	}
	return err
}

// HoldsData returns the private writable memory of a process in bytes, as
// RLIMIT_DATA counts it; 0 when it cannot be read.
func HoldsData(pid int) int64 {
	const data = 5
	return statm(pid, data)
}
