package main

import (
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// unlimited stands for a limit that is not there.
const unlimited = int64(math.MaxInt64)

// machine is what this machine allows a process, and what of it is in use.
type machine struct {
	// Cores are those that the process may use: a cgroup may allow parts of one.
	Cores float64 `json:"cores"`
	// MemoryBytes is what may still be allocated.
	MemoryBytes int64 `json:"memory_available_bytes"`
	// Files is the limit on open files of the supervisor, FilesOpen what it has open.
	Files     int64 `json:"nofile"`
	FilesOpen int64 `json:"files_open"`
	// Tasks is how many processes and threads may still be started.
	Tasks int64 `json:"tasks_available"`
	// links counts the open files that belong to connections and processes.
	links int64
}

// readMachine reads the limits of the process pid.
func readMachine(pid int) (machine, error) {
	proc := fmt.Sprintf("/proc/%d", pid)
	entries, err := os.ReadDir(proc + "/fd")
	if err != nil {
		return machine{}, fmt.Errorf("cannot read the limits of process %d: %w", pid, err)
	}
	m := machine{Cores: float64(runtime.NumCPU()), FilesOpen: int64(len(entries))}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(proc, "fd", e.Name()))
		if err == nil && (strings.HasPrefix(target, "socket:") || strings.Contains(target, "pidfd")) {
			m.links++
		}
	}
	limits := readText(proc + "/limits")
	m.Files = limitOf(limits, "Max open files")
	m.MemoryBytes = fieldOf(readText("/proc/meminfo"), "MemAvailable:") << 10
	m.Tasks = min(limitOf(limits, "Max processes"), kernelNumber(readText("/proc/sys/kernel/threads-max")), kernelNumber(readText("/proc/sys/kernel/pid_max")))
	if _, running, ok := strings.Cut(readText("/proc/loadavg"), "/"); ok && m.Tasks != unlimited {
		m.Tasks -= kernelNumber(running)
	}
	m.confine(strings.TrimSpace(readText(proc + "/cgroup")))
	return m, nil
}

// confine lowers the limits to those of the control group and of those around it.
func (m *machine) confine(membership string) {
	_, group, ok := strings.Cut(membership, "0::")
	if !ok {
		return // version 1 or none
	}
	group, _, _ = strings.Cut(group, "\n")
	for dir := path.Join("/sys/fs/cgroup", group); strings.HasPrefix(dir, "/sys/fs/cgroup"); dir = path.Dir(dir) {
		if limit := kernelNumber(readText(dir + "/memory.max")); limit != unlimited {
			m.MemoryBytes = min(m.MemoryBytes, limit-kernelNumber(readText(dir+"/memory.current")))
		}
		if limit := kernelNumber(readText(dir + "/pids.max")); limit != unlimited {
			m.Tasks = min(m.Tasks, limit-kernelNumber(readText(dir+"/pids.current")))
		}
		var quota, period float64
		if n, _ := fmt.Sscanf(readText(dir+"/cpu.max"), "%f %f", &quota, &period); n == 2 && period > 0 {
			m.Cores = min(m.Cores, quota/period)
		}
	}
}

// readText returns a file of the kernel, "" when there is none.
func readText(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(b)
}

// kernelNumber reads the first word of text; what is no number is no limit.
func kernelNumber(text string) int64 {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		return unlimited
	}
	return n
}

// limitOf returns the soft limit of a row of /proc/PID/limits.
func limitOf(text, row string) int64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, row); ok {
			return kernelNumber(rest)
		}
	}
	return unlimited
}

// fieldOf returns the number of a row such as "Threads:	3", 0 when it is not there.
func fieldOf(text, row string) int64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, row); ok {
			return kernelNumber(rest)
		}
	}
	return 0
}
