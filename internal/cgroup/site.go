package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// leaf is the group that the owner of a subtree moves itself into: a group that
// limits others may hold no process itself.
const leaf = "supervisor"

// UnavailableError says why no groups can be made here.
type UnavailableError struct {
	Why string
	// Mend says what would change it.
	Mend string
}

// Error says why.
func (e *UnavailableError) Error() string { return e.Why }

func unavailable(mend, format string, args ...any) error {
	return &UnavailableError{Why: fmt.Sprintf(format, args...), Mend: mend}
}

const (
	mendDelegate = "run the supervisor as a systemd unit of its own with Delegate=yes, or in a container whose /sys/fs/cgroup is writable"
	mendVersion  = "boot with cgroup v2 alone: systemd.unified_cgroup_hierarchy=1 on the kernel's command line"
)

// Site is a place where this process may make groups. Nothing was changed there.
type Site struct {
	// Base is the directory of the group whose processes the supervisor was started
	// among.
	Base string
	// root: it is the root of the hierarchy, which may hold processes beside groups.
	root bool
	// settled: this process is in the leaf already.
	settled bool
}

// Find looks where groups that limit memory can be made, for the process self; proc
// is the directory of the proc file system. The error is an *UnavailableError. self
// may be 0: then every process counts as a stranger.
func Find(proc string, self int) (*Site, error) {
	dir, err := ownGroup(proc)
	if err != nil {
		return nil, err
	}
	site := &Site{Base: dir}
	if filepath.Base(dir) == leaf {
		site.Base, site.settled = filepath.Dir(dir), true
	}
	_, err = os.Stat(filepath.Join(site.Base, "cgroup.type"))
	site.root = errors.Is(err, fs.ErrNotExist)
	return site, site.usable(self)
}

// ownGroup returns the directory of the group that the reader of proc is in.
func ownGroup(proc string) (string, error) {
	membership, err := os.ReadFile(filepath.Join(proc, "self/cgroup"))
	if err != nil {
		return "", unavailable("", "there are no control groups on this system")
	}
	group := ""
	for line := range strings.Lines(string(membership)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			group = path
		}
	}
	mounts, err := os.ReadFile(filepath.Join(proc, "self/mountinfo"))
	if err != nil || group == "" {
		return "", unavailable(mendVersion, "cgroup v2 is not in use on this system")
	}
	point, root := mountOf(mounts)
	if point == "" {
		return "", unavailable(mendVersion, "cgroup v2 is not mounted on this system")
	}
	rel, err := filepath.Rel(root, group)
	if err != nil || !filepath.IsLocal(rel) {
		return "", unavailable(mendDelegate, "the group %s of the supervisor cannot be seen below %s", group, point)
	}
	return filepath.Join(point, rel), nil
}

// mountOf returns where cgroup v2 is mounted and which group is seen there
// (proc_pid_mountinfo(5)).
func mountOf(mounts []byte) (point, root string) {
	for line := range bytes.Lines(mounts) {
		before, after, ok := strings.Cut(string(line), " - ")
		fields := strings.Fields(before)
		if ok && strings.HasPrefix(after, "cgroup2 ") && len(fields) > 4 {
			return fields[4], fields[3]
		}
	}
	return "", ""
}

// usable says why the site is of no use, nil when it is.
func (s *Site) usable(self int) error {
	controllers, err := os.ReadFile(filepath.Join(s.Base, "cgroup.controllers"))
	if err != nil {
		return unavailable(mendDelegate, "cannot read the control group %s: %v", s.Base, err)
	}
	if !slices.Contains(strings.Fields(string(controllers)), "memory") {
		mend := mendDelegate
		if s.root {
			mend = mendVersion
		}
		return unavailable(mend, "cgroup v2 has no memory controller at %s", s.Base)
	}
	for _, name := range []string{"", "cgroup.procs", "cgroup.subtree_control"} {
		const mayWrite = 2 // W_OK in unistd.h
		if err := syscall.Access(filepath.Join(s.Base, name), mayWrite); err != nil {
			return unavailable(mendDelegate, "cannot write to the control group %s: %v", s.Base, err)
		}
	}
	if _, err := os.Stat(filepath.Join(s.Base, "memory.stat")); err != nil && !s.root {
		return unavailable(mendDelegate, "memory is not accounted at %s: %v", s.Base, err)
	}
	if s.root {
		return nil
	}
	if _, err := os.Stat(filepath.Join(s.Base, "cgroup.kill")); err != nil {
		return unavailable("use Linux 5.14 or later", "the kernel is too old for control groups that can be ended")
	}
	if s.settled {
		return nil
	}
	pids, err := processes(s.Base)
	if err != nil {
		return unavailable(mendDelegate, "cannot read the control group %s: %v", s.Base, err)
	}
	strangers := slices.DeleteFunc(pids, func(pid int) bool { return pid == self })
	if len(strangers) > 0 {
		return unavailable(mendDelegate, "the control group %s is not the supervisor's own: process %d is in it too", s.Base, strangers[0])
	}
	return nil
}

// processes returns the pids in a group. One of another PID namespace is 0.
func processes(dir string) ([]int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return nil, err
	}
	var pids []int
	for word := range strings.FieldsSeq(string(b)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("unexpected %q in %s/cgroup.procs", word, dir)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
