package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Tree is the group that holds the groups of one owner.
type Tree struct{ dir string }

// Open makes a tree of this name at the site, or takes up the one that is there: it
// moves this process into a leaf of its own where the site needs that, and has the
// kernel account and limit the memory of the groups below.
func (s *Site) Open(name string) (*Tree, error) {
	if !s.root && !s.settled {
		own := filepath.Join(s.Base, leaf)
		if err := makeDir(own); err != nil {
			return nil, err
		}
		if err := write(own, "cgroup.procs", strconv.Itoa(os.Getpid())); err != nil {
			return nil, err
		}
	}
	t := &Tree{dir: filepath.Join(s.Base, name)}
	if err := makeDir(t.dir); err != nil {
		return nil, err
	}
	for _, dir := range []string{s.Base, t.dir} {
		if err := write(dir, "cgroup.subtree_control", "+memory"); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// String returns the directory of the tree.
func (t *Tree) String() string { return t.dir }

// Make makes an empty group without limits whose processes the kernel ends together
// when they run out of memory. The name must not be in use.
func (t *Tree) Make(name string) (*Group, error) {
	g := &Group{dir: filepath.Join(t.dir, name)}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make a control group: %w", err)
	}
	if err := write(g.dir, "memory.oom.group", "1"); err != nil {
		return nil, errors.Join(err, os.Remove(g.dir))
	}
	return g, nil
}

// Group returns the group of this name, nil when there is none.
func (t *Tree) Group(name string) *Group {
	g := &Group{dir: filepath.Join(t.dir, name)}
	if info, err := os.Stat(g.dir); err != nil || !info.IsDir() {
		return nil
	}
	return g
}

// Names returns the names of the groups, sorted.
func (t *Tree) Names() ([]string, error) {
	entries, err := os.ReadDir(t.dir)
	if err != nil {
		return nil, fmt.Errorf("cannot list the control groups: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// Close removes the tree if it holds no group any more.
func (t *Tree) Close() { _ = os.Remove(t.dir) }

func makeDir(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("cannot make a control group: %w", err)
	}
	return nil
}

// write writes a file of a group. The kernel's files exist; in a directory that
// stands in for the hierarchy they are made.
func write(dir, name, value string) error {
	if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0o644); err != nil {
		return fmt.Errorf("cannot set up a control group: %w", err)
	}
	return nil
}
