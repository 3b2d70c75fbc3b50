//go:build !linux

package harness

import "errors"

// Mount works on Linux alone.
func (*Instance) Mount(int) error { return errors.ErrUnsupported }

func (*Instance) unmount() error { return nil }
