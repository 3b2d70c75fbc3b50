//go:build !linux

package handover

import "os"

// scratch returns a file that nobody else can open: it has no name any more.
func scratch() (*os.File, error) {
	file, err := os.CreateTemp("", "snakectl-handover-")
	if err != nil {
		return nil, err
	}
	return file, os.Remove(file.Name())
}
