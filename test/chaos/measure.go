package chaos

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// descriptors counts what a process has open.
func descriptors(pid int) int {
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0
	}
	return len(names)
}

// resident returns the memory that a process holds, in bytes.
func resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}

// files counts the files of a directory and the bytes in them.
func files(dir string) (count int, bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil //nolint:nilerr // it went away meanwhile
		}
		count++
		if info, err := entry.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return count, bytes
}
