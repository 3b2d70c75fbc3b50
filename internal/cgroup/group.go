package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Group is one control group.
type Group struct{ dir string }

// Memory is what the kernel tells about the memory of a group, in bytes.
type Memory struct {
	Current int64
	// Peak is the most it ever was; before Linux 5.19, which does not tell, it is Current.
	Peak int64
	// Limit is 0 for none.
	Limit int64
	// Kills counts the processes of the group that the kernel ended for want of memory.
	Kills int64
}

// Name returns the name of the group in its tree.
func (g *Group) Name() string { return filepath.Base(g.dir) }

// Open returns the directory of the group, to start a process in it. The caller
// closes it.
func (g *Group) Open() (*os.File, error) {
	f, err := os.Open(g.dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open a control group: %w", err)
	}
	return f, nil
}

// LimitMemory sets how much memory the group may hold, 0 for any amount. The kernel
// ends the processes of a group that holds more already and cannot give it back.
func (g *Group) LimitMemory(bytes int64) error {
	value := "max"
	if bytes > 0 {
		value = strconv.FormatInt(bytes, 10)
	}
	return write(g.dir, "memory.max", value)
}

// Memory reads what the kernel tells now.
func (g *Group) Memory() (Memory, error) {
	var m Memory
	for name, into := range map[string]*int64{"memory.current": &m.Current, "memory.peak": &m.Peak, "memory.max": &m.Limit} {
		b, err := os.ReadFile(filepath.Join(g.dir, name))
		if err != nil && (name != "memory.peak" || !errors.Is(err, fs.ErrNotExist)) {
			return m, fmt.Errorf("cannot read the memory of a control group: %w", err)
		}
		if text := strings.TrimSpace(string(b)); text != "" && text != "max" {
			if *into, err = strconv.ParseInt(text, 10, 64); err != nil {
				return m, fmt.Errorf("cannot read the memory of a control group: unexpected %s: %w", name, err)
			}
		}
	}
	m.Peak = max(m.Peak, m.Current)
	events, err := os.ReadFile(filepath.Join(g.dir, "memory.events"))
	if err != nil {
		return m, fmt.Errorf("cannot read the memory of a control group: %w", err)
	}
	m.Kills = count(string(events), "oom_kill")
	return m, nil
}

// count returns the number of a row such as "oom_kill 3", 0 when it is not there.
func count(text, row string) int64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, row+" "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64) // the kernel writes numbers
			return n
		}
	}
	return 0
}

// Remove ends every process of the group and removes it, trying again until ctx
// ends: the kernel takes a moment to end them. A group that is gone is removed.
func (g *Group) Remove(ctx context.Context) error {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := write(g.dir, "cgroup.kill", "1")
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = os.Remove(g.dir)
		}
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("cannot remove a control group: %w", err)
		}
	}
}
