//go:build !linux

package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// errNoProc says that the system has no /proc to read a figure from.
var errNoProc = errors.New("needs Linux")

func pin() error { return errNoProc }

func cpuTime(int) (time.Duration, error) { return 0, errNoProc }

func residentMemory(int) (int64, error) { return 0, errNoProc }

func proportionalMemory(int) (int64, error) { return 0, errNoProc }

// machine describes where this runs.
func machine() string {
	return fmt.Sprintf("%d CPUs, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}
