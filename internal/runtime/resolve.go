package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// The oldest Python that workers run on.
const (
	minMajor = 3
	minMinor = 9
)

// ErrNotFound is wrapped by Resolve's error when no candidate can be used.
var ErrNotFound = errors.New("no usable Python")

// Resolve finds and probes the interpreter of a runtime. A name without a slash
// is looked for in every directory of the PATH, and the first that is a CPython
// of at least 3.9 is taken; a path is taken as it is, a relative one from root.
// The error lists each candidate and why it was not taken.
//
// The path inside a virtual environment is kept. A launcher script, such as a
// shim of pyenv, is asked once which interpreter it stands for, and that one is
// used. The cache may be nil.
func Resolve(ctx context.Context, name, interpreter, root string, cache *Cache) (pool.Runtime, error) {
	var tried []string
	for _, path := range candidates(interpreter, root) {
		found, err := examine(ctx, path, root, cache)
		if err == nil {
			err = found.usable()
		}
		if err == nil {
			return found.runtime(name), nil
		}
		if ctx.Err() != nil {
			return pool.Runtime{}, fmt.Errorf("cannot resolve %s: %w", name, ctx.Err())
		}
		tried = append(tried, fmt.Sprintf("%s: %v", path, err))
	}
	if len(tried) == 0 {
		return pool.Runtime{}, fmt.Errorf("cannot resolve %s: %w: there is no %q on the PATH; install Python %d.%d or later, or set interpreter to its path",
			name, ErrNotFound, interpreter, minMajor, minMinor)
	}
	return pool.Runtime{}, fmt.Errorf("cannot resolve %s: %w named %q; install Python %d.%d or later, or set interpreter to its path; tried:\n  %s",
		name, ErrNotFound, interpreter, minMajor, minMinor, strings.Join(tried, "\n  "))
}

// candidates returns the absolute paths that interpreter may mean.
func candidates(interpreter, root string) []string {
	if strings.ContainsRune(interpreter, filepath.Separator) {
		if !filepath.IsAbs(interpreter) {
			interpreter = filepath.Join(root, interpreter)
		}
		return []string{filepath.Clean(interpreter)}
	}
	var out []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, interpreter)
		if !filepath.IsAbs(path) {
			continue // a relative PATH entry would mean another file in each directory
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			out = append(out, path)
		}
	}
	return out
}

// python is one interpreter that has been asked who it is.
type python struct {
	// Path starts it; Real is the file behind it, or behind the environment's link.
	Path  string `json:"path"`
	Real  string `json:"real"`
	Facts facts  `json:"facts"`
}

// examine asks the interpreter at path, or the cache.
func examine(ctx context.Context, path, root string, cache *Cache) (python, error) {
	script, err := isScript(path)
	if err != nil {
		return python{}, err
	}
	if !script {
		if known, ok := cache.get(path); ok {
			return known, nil
		}
	}
	answer, err := probe(ctx, path, root)
	if err != nil {
		return python{}, err
	}
	p := python{Path: path, Facts: answer}
	if script { // another script, directory or variable may choose another Python: never cached
		p.Path = answer.Executable
	}
	if p.Real, err = filepath.EvalSymlinks(p.Path); err != nil {
		return python{}, err
	}
	if !script {
		cache.put(path, p)
	}
	return p, nil
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

// usable returns an error when workers cannot run on it.
func (p python) usable() error {
	f := p.Facts
	if f.Implementation != "cpython" {
		return fmt.Errorf("it is %s %s; workers need CPython", f.Implementation, f.version())
	}
	if f.Version[0] != minMajor || f.Version[1] < minMinor {
		return fmt.Errorf("it is Python %s; workers need %d.%d or later", f.version(), minMajor, minMinor)
	}
	return nil
}

func (p python) runtime(name string) pool.Runtime {
	return pool.Runtime{
		Name: name, Interpreter: p.Path, Version: p.Facts.version(),
		FreeThreaded: strings.Contains(p.Facts.ABIFlags, "t"), Fingerprint: p.fingerprint(),
	}
}

// fingerprint hashes what makes an interpreter another one: the file, what it
// says of itself, and the virtual environment it is started from. Two links to
// one interpreter have the same fingerprint.
func (p python) fingerprint() string {
	identity := []string{p.Real, p.environment(), p.Facts.Text, p.Facts.ABI, p.Facts.ABIFlags, p.Facts.Platform}
	b, err := json.Marshal(identity)
	if err != nil {
		panic(fmt.Sprintf("internal error: cannot encode an interpreter's identity: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// environment returns the directory of the virtual environment that Path lies
// in, without links, or "".
func (p python) environment() string {
	dir := filepath.Dir(filepath.Dir(p.Path))
	for _, at := range []string{dir, filepath.Dir(p.Path)} { // where Python itself looks
		if _, err := os.Stat(filepath.Join(at, "pyvenv.cfg")); err != nil {
			continue
		}
		if target, err := filepath.EvalSymlinks(at); err == nil {
			return target
		}
		return at
	}
	return ""
}
