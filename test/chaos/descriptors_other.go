//go:build !linux

package chaos

import "errors"

// allowDescriptors cannot limit another process here.
func allowDescriptors(int, uint64) (restore func(), err error) {
	return nil, errors.New("the limits of another process can be set on Linux alone")
}
