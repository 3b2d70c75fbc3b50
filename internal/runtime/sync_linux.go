package runtime

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// syncTree writes the file system of f to the disk.
func syncTree(f *os.File) error { return unix.Syncfs(int(f.Fd())) }

// dieWithParent are the attributes of a process that must not outlive this one.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
