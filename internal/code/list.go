package code

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// skipped are directories that never hold an adapter's code: caches and the
// records of version control.
var skipped = map[string]bool{
	"__pycache__": true, ".git": true, ".hg": true, ".svn": true, ".mypy_cache": true,
	".pytest_cache": true, ".ruff_cache": true, ".tox": true, ".nox": true,
}

// Skips reports whether a directory never holds an adapter's code: caches, the records
// of version control and virtual environments.
func Skips(dir string) bool {
	if skipped[filepath.Base(dir)] {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, venvMark))
	return err == nil
}

// venvMark is a file that every virtual environment has.
const venvMark = "pyvenv.cfg"

// maxListed bounds a listing; it is larger than MaxFiles because patterns pick
// from it.
const maxListed = 20 * MaxFiles

// list returns the files below dir, relative to it. Caches, version control and
// virtual environments are left out; links are followed inside root.
func (s *Scanner) list(root, dir string) ([]string, error) {
	base := filepath.Join(root, filepath.FromSlash(dir))
	if known, ok := s.trees[base]; ok {
		return known.paths, known.err
	}
	realRoot, err := filepath.EvalSymlinks(root)
	w := walker{root: realRoot, active: map[string]bool{}}
	if err == nil {
		err = w.walk(dir, ".")
	}
	slices.Sort(w.paths)
	s.trees[base] = listing{w.paths, err}
	return w.paths, err
}

// walker lists one tree. active holds the real directories it is inside of, so
// that a link to one of them does not lead it in a circle.
type walker struct {
	root   string
	active map[string]bool
	paths  []string
}

// walk lists the directory dir of the root; its files are named below prefix.
func (w *walker) walk(dir, prefix string) error {
	full, err := resolve(w.root, dir)
	if err != nil {
		return err
	}
	if w.active[full] {
		return nil
	}
	w.active[full] = true
	defer delete(w.active, full)
	entries, err := os.ReadDir(full)
	if err != nil {
		return err
	}
	if isVenv(entries) {
		return nil
	}
	for _, e := range entries {
		if err := w.entry(e, path.Join(dir, e.Name()), path.Join(prefix, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func isVenv(entries []fs.DirEntry) bool {
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == venvMark })
}

func (w *walker) entry(e fs.DirEntry, name, shown string) error {
	kind := e.Type()
	if kind&fs.ModeSymlink != 0 {
		if isDangling(w.root, name) {
			return nil
		}
		full, err := resolve(w.root, name)
		if err != nil {
			return err
		}
		info, err := os.Stat(full)
		if err != nil {
			return err
		}
		kind = info.Mode().Type()
	}
	switch {
	case kind.IsDir() && !skipped[e.Name()]:
		return w.walk(name, shown)
	case kind.IsRegular() && !isCompiled(e.Name()):
		if w.paths = append(w.paths, shown); len(w.paths) > maxListed {
			return fmt.Errorf("%s holds more than %d files; move the adapter into a smaller directory", w.root, maxListed)
		}
	}
	return nil
}

// isDangling reports whether a link leads to nothing: it cannot be code.
func isDangling(root, name string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
	return errors.Is(err, fs.ErrNotExist)
}

func isCompiled(name string) bool {
	return strings.HasSuffix(name, ".pyc") || strings.HasSuffix(name, ".pyo")
}
