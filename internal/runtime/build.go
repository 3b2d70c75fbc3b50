package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// Phase is how far a build is.
type Phase string

// The phases of a build, in order.
const (
	PhaseWaiting    Phase = "waiting"    // somebody else builds it
	PhaseCreating   Phase = "creating"   // the empty environment
	PhaseResolving  Phase = "resolving"  // which packages, and where from
	PhaseInstalling Phase = "installing" // their files
	PhaseCompiling  Phase = "compiling"  // to bytecode
)

// Progress is what a build tells while it goes on.
type Progress struct {
	Phase Phase `json:"phase"`
	// Done and Total count packages; Total is 0 while nobody knows.
	Done  int `json:"done,omitempty"`
	Total int `json:"total,omitempty"`
	// Package is the one that was begun last.
	Package string `json:"package,omitempty"`
}

// build is one build on its way.
type build struct {
	store Store
	rt    pool.Runtime
	env   *pool.Environment
	// dir is where it is built, and final where it will be.
	dir, final string
	tell       func(Progress)
	now        Progress
	installer  string
}

// Build makes the environment of a runtime, unless it is there. It reports whether it
// built it: of several builders one does, and the others wait for it. Nothing is left
// behind by a build that fails or is killed. tell must not be nil.
func (s Store) Build(ctx context.Context, rt pool.Runtime, tell func(Progress)) (built bool, err error) {
	if rt.Environment == nil || s.Has(rt.Environment.Key) {
		return false, nil
	}
	fail := func(err error) (bool, error) {
		return false, fmt.Errorf("cannot build the environment of %s: %w", rt.Name, s.explain(err))
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fail(err)
	}
	b := build{store: s, rt: rt, env: rt.Environment, final: s.Path(rt.Environment.Key), tell: tell}
	held, err := s.wait(ctx, b.env.Key, syscall.LOCK_EX, func() { b.progress(Progress{Phase: PhaseWaiting}) })
	if err != nil {
		return fail(err)
	}
	defer held.Close()
	if s.Has(b.env.Key) {
		return false, nil // somebody else was first
	}
	if err := s.sweepKey(b.env.Key); err != nil {
		return fail(err)
	}
	if b.dir, err = os.MkdirTemp(s.Dir, temporary+b.env.Key+"-"); err != nil {
		return fail(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.run(ctx); err != nil {
		return fail(err)
	}
	return true, nil
}

// explain adds what can be done about an error of the disk.
func (s Store) explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w\nThere is no space left for %s: free some, for example with: snakectl runtime gc", err, s.Dir)
	}
	return err
}

func (b *build) progress(p Progress) {
	if p != b.now {
		b.now = p
		b.tell(p)
	}
}

func (b *build) run(ctx context.Context) error {
	begun := time.Now()
	b.progress(Progress{Phase: PhaseCreating})
	if err := b.copyLock(); err != nil {
		return err
	}
	if err := b.checkWheels(); err != nil {
		return err
	}
	if out, err := b.command(ctx, nil, b.rt.Interpreter, "-I", "-m", "venv", "--without-pip", b.dir); err != nil {
		return failed("the module venv", out, err)
	}
	if err := b.install(ctx); err != nil {
		return err
	}
	b.progress(Progress{Phase: PhaseCompiling, Done: b.now.Done, Total: b.now.Total})
	// A package may hold files of another Python; whoever imports one is told then.
	_, _ = b.command(ctx, nil, b.python(), "-I", "-m", "compileall", "-q", "-x", b.uncompiled(), "-s", b.dir, "-p", b.final, filepath.Join(b.dir, "lib"))
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.relocate(); err != nil {
		return err
	}
	packages, err := b.packages(ctx)
	if err != nil {
		return err
	}
	return b.finish(Built{
		Key: b.env.Key, Name: b.rt.Name, Interpreter: b.rt.Interpreter, Version: b.rt.Version, FreeThreaded: b.rt.FreeThreaded,
		Installer: b.installer, Packages: packages, BuiltAt: time.Now().UTC(), TookMS: time.Since(begun).Milliseconds(),
	})
}

func (b *build) python() string { return filepath.Join(b.dir, "bin", "python") }

// uncompiled matches the files that are compiled when somebody imports them: the tests
// of packages, which are more than half of the code of large ones.
func (b *build) uncompiled() string { return "^" + regexp.QuoteMeta(b.dir) + "/.*/tests/" }

// lockDir is where the copies of the requirements lie.
func (b *build) lockDir() string { return filepath.Join(b.dir, "requirements") }

// copyLock copies the files of requirements and makes sure that they are what was
// planned: nobody can change them any more while they are read.
func (b *build) copyLock() error {
	if err := os.MkdirAll(b.lockDir(), 0o755); err != nil {
		return err
	}
	for name, want := range b.env.Files {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return fmt.Errorf("%q is not a path below a directory", name)
		}
		from, to := filepath.Join(b.env.Root, filepath.FromSlash(name)), filepath.Join(b.lockDir(), filepath.FromSlash(name))
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if hashBytes(text) != want {
			return fmt.Errorf("%s %w", from, ErrChanged)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (b *build) checkWheels() error {
	got, err := hashWheels(b.env.FindLinks, nil)
	if err == nil && got != b.env.Wheels {
		err = fmt.Errorf("%s %w", strings.Join(b.env.FindLinks, ", "), ErrChanged)
	}
	return err
}

// relocate makes scripts name the place where they will lie.
func (b *build) relocate() error {
	files, err := filepath.Glob(filepath.Join(b.dir, "bin", "*"))
	if err != nil {
		return err
	}
	for _, path := range append(files, filepath.Join(b.dir, "pyvenv.cfg")) {
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue // the interpreter is a link
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if moved := bytes.ReplaceAll(text, []byte(b.dir), []byte(b.final)); !bytes.Equal(moved, text) && !bytes.HasPrefix(text, []byte("\x7fELF")) {
			if err := os.WriteFile(path, moved, info.Mode().Perm()); err != nil {
				return err
			}
		}
	}
	return nil
}

// listing prints the installed distributions as JSON.
const listing = `import importlib.metadata as m, json, sys
json.dump(sorted({d.metadata["Name"] + "==" + d.version for d in m.distributions()}), sys.stdout)`

func (b *build) packages(ctx context.Context) ([]string, error) {
	out, err := b.command(ctx, nil, b.python(), "-I", "-c", listing)
	if err != nil {
		return nil, failed("the new environment", out, err)
	}
	packages := []string{}
	if err := json.Unmarshal([]byte(out), &packages); err != nil {
		return nil, fmt.Errorf("cannot read what was installed: %w", err)
	}
	return packages, nil
}

// finish puts the environment in its place, complete.
func (b *build) finish(built Built) error {
	text, err := json.Marshal(built)
	if err != nil {
		return err
	}
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return err
	}
	if err := b.store.remove(b.env.Key); err != nil { // what somebody damaged
		return err
	}
	if err := writeSynced(filepath.Join(b.dir, complete), text); err != nil {
		return err
	}
	if err := os.Rename(b.dir, b.final); err != nil {
		return err
	}
	return syncDir(b.store.Dir)
}

// writeSynced writes a file that is on the disk, with everything written before it,
// when it returns: a power cut must not leave the mark on a half environment.
func writeSynced(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = syncTree(f)
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
