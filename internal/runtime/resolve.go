package runtime

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// ErrNotFound is wrapped by Resolve's error when no candidate can be used.
var ErrNotFound = errors.New("no usable Python")

// Resolve finds and probes the interpreter of a declared runtime. A path is taken as
// it is, a relative one from root; a name is looked for in every directory of the
// PATH, and the first that can be used is taken; without either the version decides,
// and the newest of the first place that has one is taken. It has to be a CPython of at
// least 3.9 and what version and free_threaded ask for. The packages it asks for are
// described, not installed. The error lists each candidate
// and why it lost.
//
// The path inside a virtual environment is kept. A launcher script that an interpreter
// names is asked which interpreter it stands for, and that one is used; what a shim of
// pyenv says is remembered. The cache may be nil.
func Resolve(ctx context.Context, declared pool.Runtime, root string, cache *Cache) (pool.Runtime, error) {
	asked, err := demandOf(declared.Declared)
	if err != nil {
		return pool.Runtime{}, fmt.Errorf("cannot resolve %s: %w", declared.Name, err)
	}
	s := search{root: root, cache: cache, asked: asked, seen: map[string]bool{}}
	found, err := s.find(ctx, declared.Declared.Interpreter)
	if err != nil {
		return pool.Runtime{}, fmt.Errorf("cannot resolve %s: %w", declared.Name, err)
	}
	rt := found.runtime(declared)
	if rt.Environment, err = describe(declared.Declared, found, root, cache); err != nil {
		return pool.Runtime{}, &PackagesError{err}
	}
	if rt.Environment != nil {
		rt.Fingerprint = rt.Environment.Key
	}
	return rt, nil
}

// PackagesError says that the interpreter was found, and that what is to be installed
// for it cannot be read.
type PackagesError struct{ err error }

// Error names the file and the line.
func (e *PackagesError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *PackagesError) Unwrap() error { return e.err }

// demand is what a runtime asks of an interpreter.
type demand struct {
	// versions is nil when any will do, and threaded when either build will.
	versions *pool.PythonVersions
	threaded *bool
	// text is what the version says, for people.
	text string
}

func demandOf(declared pool.RuntimeSpec) (demand, error) {
	d := demand{threaded: declared.FreeThreaded, text: declared.Version}
	if declared.Version == "" {
		return d, nil
	}
	versions, err := pool.ParsePythonVersions(declared.Version)
	if err != nil {
		return d, fmt.Errorf("version: %w", err)
	}
	d.versions = &versions
	if d.threaded == nil || versions.FreeThreaded {
		d.threaded = &versions.FreeThreaded
	}
	return d, nil
}

// install names the command that would install what is asked for.
func (d demand) install() string {
	var want pool.PythonVersions
	if d.versions != nil {
		want = *d.versions
	}
	want.FreeThreaded = d.threaded != nil && *d.threaded
	return "uv python install " + want.Series()
}

// loser is a candidate that was not taken.
type loser struct{ path, reason string }

// listed returns a line for each loser. Those of one directory that lost for the same
// reason share one: the launcher scripts of pyenv are many, and say nothing each.
func listed(lost []loser) []string {
	type group struct{ dir, reason string }
	members := map[group][]string{}
	var order []group
	for _, l := range lost {
		g := group{filepath.Dir(l.path), l.reason}
		if members[g] == nil {
			order = append(order, g)
		}
		if name := filepath.Base(l.path); !slices.Contains(members[g], name) {
			members[g] = append(members[g], name)
		}
	}
	lines := make([]string, len(order))
	for i, g := range order {
		lines[i] = filepath.Join(g.dir, strings.Join(members[g], ", ")) + ": " + g.reason
	}
	return lines
}

// search looks for one interpreter and remembers who lost, and why.
type search struct {
	root  string
	cache *Cache
	asked demand
	// seen holds the interpreters that were looked at, under whatever path.
	seen map[string]bool
	lost []loser
}

func (s *search) find(ctx context.Context, interpreter string) (python, error) {
	places := discover
	if interpreter != "" {
		places = func() []place { return named(interpreter, s.root) }
	}
	looked := places()
	for _, at := range looked {
		found, ok := s.best(ctx, at)
		if err := ctx.Err(); err != nil && !ok {
			return python{}, err
		}
		if ok {
			return found, nil
		}
	}
	return python{}, s.failure(interpreter, looked)
}

// best returns the newest usable interpreter of a place, or the first one where the
// order is somebody's choice.
func (s *search) best(ctx context.Context, at place) (best python, ok bool) {
	for _, path := range at.paths() {
		found, err := s.examine(ctx, path, at.scripts)
		if ctx.Err() != nil && err != nil {
			return python{}, false
		}
		if err == nil {
			identity := found.Real + "\x00" + found.environment()
			if s.seen[identity] {
				continue
			}
			s.seen[identity] = true
			err = s.fits(found, at)
		}
		switch {
		case err != nil:
			s.lost = append(s.lost, loser{path, err.Error()})
		case at.first:
			return found, true
		case !ok || found.Facts.number().Compare(best.Facts.number()) > 0:
			best, ok = found, true
		}
	}
	return best, ok
}

// fits returns an error when the interpreter is not what is asked for.
func (s *search) fits(p python, at place) error {
	if err := p.usable(); err != nil {
		return err
	}
	name, wants := p.name(), s.asked.threaded
	switch {
	case s.asked.versions != nil && !s.asked.versions.Allows(p.Facts.number()):
		return fmt.Errorf("it is %s, and version asks for %q", name, s.asked.text)
	case wants != nil && *wants && !p.freeThreaded():
		return fmt.Errorf("it is %s with a GIL, and one without is asked for", name)
	case wants != nil && !*wants && p.freeThreaded():
		return fmt.Errorf("it is %s, without a GIL, which only a t after the version or free_threaded = true selects", name)
	case !at.scripts && p.environment() != "":
		return errors.New("it belongs to a virtual environment; name it as interpreter to use it")
	}
	return nil
}

// failure says that nothing was found, why each candidate lost, and what to do.
func (s *search) failure(interpreter string, looked []place) error {
	oldest := fmt.Sprintf("%d.%d", minMajor, minMinor)
	var b strings.Builder
	switch {
	case interpreter == "":
		fmt.Fprintf(&b, "%s", "for "+s.asked.describe()+"; install one, for example with: "+s.asked.install())
	case len(s.lost) == 0:
		fmt.Fprintf(&b, "there is no %q on the PATH; install Python %s or later, or set interpreter to its path", interpreter, oldest)
	default:
		fmt.Fprintf(&b, "named %q; install Python %s or later, or set interpreter to its path", interpreter, oldest)
	}
	if len(s.lost) > 0 {
		b.WriteString("; tried:\n  " + strings.Join(listed(s.lost), "\n  "))
	} else if interpreter == "" {
		b.WriteString("; there is none in " + strings.Join(names(looked), ", "))
	}
	return fmt.Errorf("%w: %s", ErrNotFound, b.String())
}

func (d demand) describe() string {
	words := "any version"
	if d.text != "" {
		words = fmt.Sprintf("version %q", d.text)
	}
	if d.threaded != nil && *d.threaded {
		words += " without a GIL"
	}
	return words
}

// examine asks the interpreter at path, or the cache.
func (s *search) examine(ctx context.Context, path string, scripts bool) (python, error) {
	script, err := isScript(path)
	switch {
	case err != nil:
		return python{}, err
	case script && !scripts:
		return python{}, errors.New("it is a launcher script (a shim); what it stands for is not looked at")
	case script:
		return s.behind(ctx, path)
	}
	if known, ok := s.cache.get(path); ok {
		return known, nil
	}
	answer, err := probe(ctx, path, s.root)
	if err != nil {
		return python{}, err
	}
	p := python{Path: path, Facts: answer}
	if p.Real, err = filepath.EvalSymlinks(path); err != nil {
		return python{}, err
	}
	s.cache.put(path, p)
	return p, nil
}

// behind returns the interpreter that a launcher script stands for.
func (s *search) behind(ctx context.Context, path string) (python, error) {
	decides, known := pyenvDecides(path, s.root)
	if at, ok := s.cache.shim(path, decides); known && ok {
		if p, err := s.examine(ctx, at, false); err == nil {
			return p, nil
		}
	}
	answer, err := probe(ctx, path, s.root)
	if err != nil {
		return python{}, err
	}
	p := python{Path: answer.Executable, Facts: answer}
	if p.Real, err = filepath.EvalSymlinks(p.Path); err != nil {
		return python{}, err
	}
	if known {
		s.cache.put(p.Path, p)
		s.cache.putShim(path, shim{decides, p.Path})
	}
	return p, nil
}
