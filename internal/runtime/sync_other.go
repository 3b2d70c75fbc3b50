//go:build !linux

package runtime

import (
	"os"
	"syscall"
)

// syncTree asks the system to write everything to the disk, which is all that there is
// here.
func syncTree(f *os.File) error {
	_ = syscall.Sync()
	return f.Sync()
}

// dieWithParent are the attributes of a process that should not outlive this one; here
// nothing makes sure of it.
func dieWithParent() *syscall.SysProcAttr { return nil }
