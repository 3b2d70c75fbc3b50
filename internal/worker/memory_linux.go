package worker

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// GroupMemory returns the memory in bytes of each of the process groups: the
// proportional share of every process where the kernel lets us read it, so that
// pages shared within the group count once, and its resident size elsewhere. A group
// without a process is left out.
func GroupMemory(groups []int) map[int]int64 {
	out := make(map[int]int64, len(groups))
	for _, group := range groups {
		out[group] = 0
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if group, ok := groupOf(pid); ok {
			if _, wanted := out[group]; wanted {
				out[group] += memoryOf(pid)
			}
		}
	}
	for group, held := range out {
		if held == 0 {
			delete(out, group)
		}
	}
	return out
}

// groupOf returns the process group of a process.
func groupOf(pid int) (int, bool) {
	const group = 2
	n, err := statField(pid, group)
	return n, err == nil
}

// parentOf returns the parent of a process, which may be a zombie.
func parentOf(pid int) (int, error) {
	const parent = 1
	return statField(pid, parent)
}

// statField reads a number of a process's stat, counted after its name (proc(5)).
func statField(pid, index int) (int, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) <= index {
		return 0, fmt.Errorf("unexpected /proc/%d/stat", pid)
	}
	return strconv.Atoi(fields[index])
}

func memoryOf(pid int) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return RSS(pid)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err == nil {
				return kib << 10
			}
		}
	}
	return RSS(pid)
}
