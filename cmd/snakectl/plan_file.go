package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/snakectl/snakectl/internal/planfile"
	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// savePlan writes a plan file that only the user may read. A file that is no plan file
// is not overwritten.
func savePlan(path string, w *wish, plan *planner.Plan, observed *pool.Observed, manifest planfile.Manifest) error {
	f := &planfile.File{Manifest: manifest, Plan: *plan, Desired: w.desired(), Observed: *observed}
	f.Manifest.Title = w.title()
	if w.conf != nil {
		f.Manifest.Root, f.Variables = w.conf.config.Root, w.conf.config.Values()
		var err error
		if f.Config, err = w.conf.texts(); err != nil {
			return fmt.Errorf("cannot save the plan: %w", err)
		}
	}
	b, err := planfile.Encode(f)
	if err != nil {
		return err
	}
	if beginning, err := beginningOf(path); err == nil && len(beginning) > 0 && !planfile.Is(beginning) {
		return fmt.Errorf("cannot save the plan: %s exists and is no plan file; name another with --out", path)
	}
	return writePlan(path, b)
}

// texts returns the files of the configuration by their names below its directory.
func (c *configuration) texts() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, name := range c.config.Files {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out[filepath.Base(name)] = content
	}
	return out, nil
}

// writePlan writes a private file as a whole: a reader sees the old bytes or the new.
func writePlan(path string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".plan-") // with mode 0600
	if err != nil {
		return fmt.Errorf("cannot save the plan: %w", err)
	}
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot save the plan: %w", err), os.Remove(temp.Name()))
	}
	return nil
}

// beginningOf returns the first bytes of a file.
func beginningOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4))
	return b, err
}

// isPlanFile reports whether the first argument of a command is a saved plan. A file
// that is named like one and is none is told apart when it is read.
func isPlanFile(args []string) bool {
	if len(args) == 0 {
		return false
	}
	beginning, err := beginningOf(args[0])
	return err == nil && planfile.Is(beginning)
}

// readPlanFile reads a saved plan.
func readPlanFile(path string) (*planfile.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	if info.Size() > planfile.MaxBytes {
		return nil, fmt.Errorf("cannot read the plan %s: it has %d bytes and a plan file at most %d", path, info.Size(), planfile.MaxBytes)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	f, err := planfile.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan %s: %w", path, err)
	}
	return f, nil
}

// savedWish is what a plan file asks for. dir, if not empty, is where the configuration
// is now: the code that is applied is taken from there, and has to be what was planned.
func savedWish(f *planfile.File, dir string) (*wish, error) {
	w := &wish{former: f.Desired, name: "saved plan of " + f.Manifest.Title, options: f.Plan.Options, git: f.Plan.Git, saved: f}
	if dir == "" || f.Desired == nil {
		return w, nil
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot find the configuration: %w", err)
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("cannot take the code from %s: it is no directory", dir)
	}
	relocate(f.Desired, f.Manifest.Root, root)
	return w, nil
}

// relocate makes a spec that was evaluated in one directory one of another.
func relocate(d *pool.Desired, from, to string) {
	move := func(path string) string {
		if below, ok := strings.CutPrefix(path, from); ok && (below == "" || below[0] == '/') {
			return to + below
		}
		return path
	}
	for i := range d.Pools {
		d.Pools[i].Snapshot.Root = move(d.Pools[i].Snapshot.Root)
	}
	for _, rt := range d.Runtimes {
		if rt.Environment == nil {
			continue
		}
		rt.Environment.Root = move(rt.Environment.Root)
		for i, dir := range rt.Environment.FindLinks {
			rt.Environment.FindLinks[i] = move(dir)
		}
	}
}
