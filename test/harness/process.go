package harness

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is a running process of an instance.
type Process struct {
	PID     int
	Command string
}

// String returns "4242 (python3 … worker pool.api/0)".
func (p Process) String() string { return fmt.Sprintf("%d (%s)", p.PID, p.Command) }

// Processes returns every running process that was started, directly or not, by
// a command of the instance. A zombie is not running. Without /proc it finds none.
func (i *Instance) Processes() ([]Process, error) {
	entries, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil, err
	}
	var found []Process
	for _, name := range entries {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			continue
		}
		if !i.Owns(pid) {
			continue
		}
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue
		}
		found = append(found, Process{PID: pid, Command: strings.TrimRight(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})), " ")})
	}
	return found, nil
}

// Owns reports whether a running process was started, directly or not, by a command
// of the instance: only such a process may be signalled by its number.
func (i *Instance) Owns(pid int) bool {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && bytes.Contains(environ, []byte(marker+"="+i.Dir+"\x00"))
}

// Running reports whether the process exists and is no zombie.
func Running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist) && !strings.Contains(err.Error(), "no such process")
	}
	// The state follows the command's closing parenthesis, which may itself
	// contain any character.
	after := stat[bytes.LastIndexByte(stat, ')')+1:]
	fields := bytes.Fields(after)
	return len(fields) > 0 && fields[0][0] != 'Z' && fields[0][0] != 'X'
}
