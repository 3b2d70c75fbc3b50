package handover

import (
	"os"

	"golang.org/x/sys/unix"
)

// scratch returns a file that is in memory alone: the arguments of calls pass
// through it.
func scratch() (*os.File, error) {
	fd, err := unix.MemfdCreate("snakectl-handover", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "snakectl-handover"), nil
}
