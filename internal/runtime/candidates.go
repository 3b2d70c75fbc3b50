package runtime

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// place is where interpreters are looked for.
type place struct {
	name string
	// paths lists the candidates; it is called when the places before had none.
	paths func() []string
	// first: the first usable one is taken, in the order of the paths; else the newest.
	first bool
	// scripts: launcher scripts and virtual environments were named by somebody, and count.
	scripts bool
}

func names(places []place) []string {
	var out []string
	for _, p := range places {
		out = append(out, p.name)
	}
	return out
}

// installed is where scripts/build-python.sh puts what it builds.
const installed = "/opt/snakepit/python"

// discover returns the places that are looked through when a version alone is asked for,
// in order.
func discover() []place {
	home, _ := os.UserHomeDir()
	uv := os.Getenv("UV_PYTHON_INSTALL_DIR")
	if uv == "" {
		data := os.Getenv("XDG_DATA_HOME")
		if data == "" {
			data = filepath.Join(home, ".local", "share")
		}
		uv = filepath.Join(data, "uv", "python")
	}
	return []place{
		trees(installed, installed), trees("the Pythons of uv ("+uv+")", uv),
		trees("the Pythons of pyenv ("+pyenvRoot()+")", filepath.Join(pyenvRoot(), "versions")),
		{name: "the PATH", paths: pythonsOnPath},
	}
}

// pythonsOnPath returns everything on the PATH that is called like a Python.
func pythonsOnPath() []string {
	var out []string
	for _, dir := range searchPath() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if path := filepath.Join(dir, e.Name()); pythonName().MatchString(e.Name()) && executable(path) {
				out = append(out, path)
			}
		}
	}
	return out
}

// pythonName matches python, python3, python3.13 and python3.13t.
var pythonName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^python(3(\.\d+t?)?)?$`) })

// trees returns the interpreters of the installations below dir.
func trees(name, dir string) place {
	return place{name: name, paths: func() []string {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil
		}
		var out []string
		for _, e := range entries {
			for _, file := range []string{"python3", "python"} {
				if path := filepath.Join(dir, e.Name(), "bin", file); executable(path) {
					out = append(out, path)
					break
				}
			}
		}
		return out
	}}
}

// named returns what interpreter may mean.
func named(interpreter, root string) []place {
	out := place{name: interpreter, first: true, scripts: true}
	if strings.ContainsRune(interpreter, filepath.Separator) {
		if !filepath.IsAbs(interpreter) {
			interpreter = filepath.Join(root, interpreter)
		}
		out.paths = func() []string { return []string{filepath.Clean(interpreter)} }
		return []place{out}
	}
	out.paths = func() []string {
		var paths []string
		for _, dir := range searchPath() {
			if path := filepath.Join(dir, interpreter); executable(path) {
				paths = append(paths, path)
			}
		}
		return paths
	}
	return []place{out}
}

// searchPath returns the directories of the PATH. A relative one would mean another
// directory for each configuration, and is left out.
func searchPath() []string {
	return slices.DeleteFunc(filepath.SplitList(os.Getenv("PATH")), func(dir string) bool { return !filepath.IsAbs(dir) })
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// isScript reports whether a file begins with #!, after the checks that give
// clearer errors than starting it would.
func isScript(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, errors.New("there is no such file")
	case err != nil:
		return false, err
	case info.IsDir():
		return false, errors.New("it is a directory; name the interpreter in it, such as bin/python")
	case info.Mode()&0o111 == 0:
		return false, errors.New("it is not executable")
	}
	f, err := os.Open(path)
	if err != nil {
		return false, nil // it may be executable without being readable
	}
	defer f.Close()
	var head [2]byte
	n, _ := f.Read(head[:])
	return string(head[:n]) == "#!", nil
}
