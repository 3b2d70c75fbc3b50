//go:build !linux

package watch

import "errors"

// native returns an error: no such source is written for this system.
func native(string, func(dir string) bool) (source, error) {
	return nil, errors.ErrUnsupported
}
