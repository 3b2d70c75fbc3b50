//go:build !linux

package worker

import "errors"

// Pin fails where processes cannot be pinned; nil changes nothing.
func (id Identity) Pin(cpus []int) error {
	if cpus == nil {
		return nil
	}
	return errors.New("this system cannot pin a process to processors (devices.cpus)")
}
