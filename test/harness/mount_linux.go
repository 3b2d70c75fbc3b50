package harness

import (
	"fmt"
	"os"
	"syscall"
)

// Mount puts the instance on a file system of its own that holds so many bytes, so
// that a test can fill it; Close takes it away. It needs the right to mount.
func (i *Instance) Mount(bytes int) error {
	if err := os.Mkdir(i.Dir, 0o700); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", i.Dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, fmt.Sprintf("size=%d,mode=0700", bytes)); err != nil {
		return fmt.Errorf("cannot mount a file system on %s: %w", i.Dir, err)
	}
	i.mounted = true
	return nil
}

func (i *Instance) unmount() error {
	if !i.mounted {
		return nil
	}
	i.mounted = false
	return syscall.Unmount(i.Dir, 0)
}
