package cgroup_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/cgroup"
)

// hierarchy is a directory that stands in for a mounted hierarchy, and for the proc
// that tells of it.
type hierarchy struct{ proc, mount string }

// newHierarchy makes one whose reader is in group; files are made by path.
func newHierarchy(t *testing.T, group string, files map[string]string) hierarchy {
	t.Helper()
	dir := t.TempDir()
	h := hierarchy{proc: filepath.Join(dir, "proc"), mount: filepath.Join(dir, "cgroup")}
	all := map[string]string{
		filepath.Join(h.proc, "self/cgroup"): "4:memory:/elsewhere\n0::" + group + "\n",
		filepath.Join(h.proc, "self/mountinfo"): "22 1 0:20 / /proc rw - proc proc rw\n" +
			"30 22 0:26 / " + h.mount + " rw,nosuid shared:4 - cgroup2 cgroup2 rw\n",
	}
	for name, text := range files {
		all[filepath.Join(h.mount, name)] = text
	}
	for name, text := range all {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// delegated are the files of a group that its user may divide.
func delegated(group, procs string) map[string]string {
	return map[string]string{
		group + "/cgroup.controllers": "cpu memory pids\n", group + "/cgroup.type": "domain\n", group + "/cgroup.procs": procs,
		group + "/cgroup.subtree_control": "", group + "/cgroup.kill": "", group + "/memory.stat": "anon 0\n",
	}
}

func with(files map[string]string, name, text string) map[string]string {
	files[name] = text
	return files
}

func without(files map[string]string, name string) map[string]string {
	delete(files, name)
	return files
}

func TestFindSaysWhyNot(t *testing.T) {
	own := strconv.Itoa(os.Getpid()) + "\n"
	tests := map[string]struct {
		files map[string]string
		why   string
		mend  string
	}{
		"no memory controller": {
			with(delegated("unit", own), "unit/cgroup.controllers", "cpu pids\n"), "cgroup v2 has no memory controller at", "Delegate=yes",
		},
		"the root has none": {
			map[string]string{"unit/cgroup.controllers": "hugetlb\n"}, "cgroup v2 has no memory controller at", "systemd.unified_cgroup_hierarchy=1",
		},
		"somebody else is in it": {delegated("unit", own+"4711\n"), "process 4711 is in it too", "a systemd unit of its own"},
		"an old kernel":          {without(delegated("unit", own), "unit/cgroup.kill"), "the kernel is too old", "Linux 5.14"},
		"nothing to read":        {nil, "cannot read the control group", "Delegate=yes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHierarchy(t, "/unit", tt.files)
			_, err := cgroup.Find(h.proc, os.Getpid())
			cause, ok := errors.AsType[*cgroup.UnavailableError](err)
			if !ok || !strings.Contains(cause.Why, tt.why) || !strings.Contains(cause.Mend, tt.mend) {
				t.Errorf("Find = %#v, want %q and to mend it %q", err, tt.why, tt.mend)
			}
		})
	}
	h := newHierarchy(t, "/unit", delegated("unit", own))
	if _, err := cgroup.Find(h.proc, 0); err == nil || !strings.Contains(err.Error(), "is in it too") {
		t.Errorf("Find for nobody = %v, want that this process is in it too", err)
	}
	if err := os.WriteFile(filepath.Join(h.proc, "self/mountinfo"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := cgroup.Find(h.proc, os.Getpid()); err == nil || !strings.Contains(err.Error(), "not mounted") {
		t.Errorf("Find without a mount = %v", err)
	}
}

func TestTreeSetsGroupsUp(t *testing.T) {
	h := newHierarchy(t, "/unit", delegated("unit", strconv.Itoa(os.Getpid())))
	site, err := cgroup.Find(h.proc, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	tree, err := site.Open("snakectl-9d1f")
	if err != nil {
		t.Fatal(err)
	}
	g, err := tree.Make("api.0.7f2c")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.LimitMemory(64 << 20); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"supervisor/cgroup.procs":                   strconv.Itoa(os.Getpid()),
		"cgroup.subtree_control":                    "+memory",
		"snakectl-9d1f/cgroup.subtree_control":      "+memory",
		"snakectl-9d1f/api.0.7f2c/memory.oom.group": "1",
		"snakectl-9d1f/api.0.7f2c/memory.max":       "67108864",
	} {
		if got, err := os.ReadFile(filepath.Join(h.mount, "unit", name)); string(got) != want {
			t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
		}
	}
	if _, err := tree.Make("api.0.7f2c"); !errors.Is(err, os.ErrExist) {
		t.Errorf("Make of a name in use = %v", err)
	}
	if names, err := tree.Names(); err != nil || !slices.Equal(names, []string{"api.0.7f2c"}) {
		t.Errorf("Names = %q, %v", names, err)
	}
	if tree.Group("api.0.7f2c") == nil || tree.Group("api.1.0000") != nil {
		t.Error("Group finds what is not there, or not what is")
	}
	if err := g.LimitMemory(0); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(h.mount, "unit/snakectl-9d1f/api.0.7f2c/memory.max")); string(got) != "max" {
		t.Errorf("memory.max without a limit holds %q", got)
	}
}

func TestSettledSiteIsTheParent(t *testing.T) {
	files := delegated("unit", "")
	files["unit/supervisor/cgroup.procs"] = "1\n"
	h := newHierarchy(t, "/unit/supervisor", files)
	site, err := cgroup.Find(h.proc, os.Getpid())
	if err != nil || site.Base != filepath.Join(h.mount, "unit") {
		t.Errorf("Find in the leaf = %+v, %v", site, err)
	}
}

func TestMemoryOfAGroup(t *testing.T) {
	h := newHierarchy(t, "/unit", delegated("unit", ""))
	site, err := cgroup.Find(h.proc, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	tree, err := site.Open("tree")
	if err != nil {
		t.Fatal(err)
	}
	g, err := tree.Make("g")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Memory(); err == nil {
		t.Error("Memory of a group without files is no error")
	}
	dir := filepath.Join(h.mount, "unit/tree/g")
	for name, text := range map[string]string{
		"memory.current": "4096\n", "memory.max": "max\n", "memory.events": "low 0\noom 3\noom_kill 2\noom_group_kill 1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := g.Memory(); err != nil || m != (cgroup.Memory{Current: 4096, Peak: 4096, Kills: 2}) {
		t.Errorf("Memory without memory.peak = %+v, %v", m, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "memory.peak"), []byte("8192\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := g.LimitMemory(1 << 20); err != nil {
		t.Fatal(err)
	}
	if m, err := g.Memory(); err != nil || m != (cgroup.Memory{Current: 4096, Peak: 8192, Limit: 1 << 20, Kills: 2}) {
		t.Errorf("Memory = %+v, %v", m, err)
	}
}

// What cannot be removed is told when the time is over: a directory of files is not
// a group.
func TestRemoveGivesUp(t *testing.T) {
	h := newHierarchy(t, "/unit", delegated("unit", ""))
	site, err := cgroup.Find(h.proc, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	tree, err := site.Open("tree")
	if err != nil {
		t.Fatal(err)
	}
	g, err := tree.Make("g")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Remove(ctx); err == nil || !strings.Contains(err.Error(), "cannot remove a control group") {
		t.Errorf("Remove of what is no group = %v", err)
	}
	if err := os.RemoveAll(fmt.Sprint(tree)); err != nil {
		t.Fatal(err)
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Errorf("Remove of what is gone = %v", err)
	}
}
