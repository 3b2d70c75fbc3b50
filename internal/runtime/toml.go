package runtime

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// requirementsOf turns a file of TOML into requirements. The interpreter that is built for
// runs it: it reads TOML, and this program need not.
//
//go:embed requirements.py
var requirementsOf string

// isTOML reports whether a file of requirements is a lock or a project and not a list.
func isTOML(name string) bool { return strings.HasSuffix(name, ".toml") }

// lockedPackage begins a package of a pylock.toml.
var lockedPackage = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^\s*\[\[\s*packages\s*\]\]`)
})

// readTOML describes a pylock.toml or a pyproject.toml without understanding it: that is
// left to the build. A lock has a hash for each package, a project for none.
func readTOML(root, name string) (lock, error) {
	r := lockReader{root: root, lock: lock{files: map[string]string{}}}
	text, err := r.take(name, "")
	if err != nil {
		return lock{}, err
	}
	if filepath.Base(name) != projectFile {
		r.lock.named, r.lock.hashed = len(lockedPackage().FindAll(text, -1)), true
		if r.lock.named == 0 {
			return lock{}, errors.New(name + " names no package")
		}
	}
	return r.lock, nil
}

// projectFile is the name of the file that pyproject names the directory of.
const projectFile = "pyproject.toml"

// translate writes the requirements of a file of TOML beside it and returns its path.
func (b *build) translate(ctx context.Context, file string) (string, error) {
	pip, err := b.findPip(ctx)
	wheel := filepath.Dir(pip)
	if err != nil {
		wheel = "" // the interpreter may do without
	}
	sources := "wheels"
	if b.rt.Declared.AllowSdist {
		sources = "allow_sdist"
	}
	out, err := b.command(ctx, nil, b.rt.Interpreter, "-I", "-c", requirementsOf, file, sources, wheel)
	if err != nil {
		return "", failed("reading "+filepath.Base(file), out, err)
	}
	path := file + ".txt"
	return path, os.WriteFile(path, []byte(out), 0o644)
}
