package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// Store keeps environments, each in a directory named by its key. A directory appears
// at once, complete. Its methods are safe for concurrent use, also by several
// processes: whoever builds or removes an environment holds its lock file alone, and
// whoever uses it holds that with others.
type Store struct {
	// Dir is created when the first environment is built.
	Dir string
}

const (
	temporary = ".new-"
	lockEnd   = ".lock"
	// complete is the file that is written last, with what was built.
	complete = ".complete"
)

// Built says what an environment holds.
type Built struct {
	Key          string    `json:"key"`
	Name         string    `json:"name"`
	Interpreter  string    `json:"interpreter"`
	Version      string    `json:"version"`
	FreeThreaded bool      `json:"free_threaded"`
	Installer    string    `json:"installer"`
	Packages     []string  `json:"packages"`
	BuiltAt      time.Time `json:"built_at"`
	TookMS       int64     `json:"took_ms"`
}

// Path returns the directory of an environment, whether it exists or not.
func (s Store) Path(key string) string { return filepath.Join(s.Dir, key) }

// Python returns the interpreter that workers of a runtime start: that of its
// environment, if it has one.
func (s Store) Python(rt pool.Runtime) string {
	if rt.Environment == nil {
		return rt.Interpreter
	}
	return filepath.Join(s.Path(rt.Environment.Key), "bin", "python")
}

// Has reports whether an environment is there.
func (s Store) Has(key string) bool {
	_, err := os.Stat(filepath.Join(s.Path(key), complete))
	return err == nil
}

// List returns what is there, sorted by key. What cannot be read is left out.
func (s Store) List() ([]Built, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list environments: %w", err)
	}
	var out []Built
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || !e.IsDir() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(s.Dir, e.Name(), complete))
		var b Built
		if err == nil && json.Unmarshal(text, &b) == nil && b.Key == e.Name() {
			out = append(out, b)
		}
	}
	return out, nil
}

// Keys returns the keys of what is there, as a planner wants to know them.
func (s Store) Keys() []string {
	built, _ := s.List() // what cannot be listed cannot be used either
	keys := make([]string, 0, len(built))
	for _, b := range built {
		keys = append(keys, b.Key)
	}
	return keys
}

// Hold keeps an environment from being removed until the file is closed. It waits for
// whoever builds it, and fails when the environment is not there.
func (s Store) Hold(ctx context.Context, key string) (*os.File, error) {
	if !s.Has(key) {
		return nil, fmt.Errorf("environment %s is not built; run: snakectl apply", Short(key))
	}
	held, err := s.wait(ctx, key, syscall.LOCK_SH, func() {})
	if err != nil {
		return nil, fmt.Errorf("environment %s: %w", Short(key), err)
	}
	if !s.Has(key) {
		return nil, errors.Join(fmt.Errorf("environment %s was removed", Short(key)), held.Close())
	}
	return held, nil
}

// InUse reports whether somebody holds an environment, or builds it.
func (s Store) InUse(key string) bool {
	held, err := s.lock(key, syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		return true
	}
	held.Close()
	return false
}

// Short is how a key is shown to people.
func Short(key string) string { return key[:min(len(key), 8)] }

// errLocked says that somebody else has a lock.
var errLocked = errors.New("somebody else builds or removes it now")

// lock takes the lock file of a key; how is what flock takes.
func (s Store) lock(key string, how int) (*os.File, error) {
	path := s.Path(key) + lockEnd
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), how); err != nil {
			f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, errLocked
			}
			return nil, err
		}
		// Whoever removes an environment removes its lock file, too: one that is not there
		// any more excludes nobody.
		now, err := os.Stat(path)
		mine, err2 := f.Stat()
		if err == nil && err2 == nil && os.SameFile(now, mine) {
			return f, nil
		}
		f.Close()
	}
}

// lockEvery is how often a lock that somebody else has is tried again.
const lockEvery = 50 * time.Millisecond

// wait takes the lock of a key and waits for it until ctx ends.
func (s Store) wait(ctx context.Context, key string, how int, waiting func()) (*os.File, error) {
	tick := time.NewTicker(lockEvery)
	defer tick.Stop()
	for {
		f, err := s.lock(key, how|syscall.LOCK_NB)
		if !errors.Is(err, errLocked) {
			return f, err
		}
		waiting()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// GC removes the environments that keep does not name and nobody holds, and what
// builds that were killed have left. It returns what it removed, or with dry what it
// would.
func (s Store) GC(keep map[string]bool, dry bool) ([]Built, error) {
	all, err := s.List()
	if err != nil {
		return nil, err
	}
	var gone []Built
	for _, b := range all {
		if keep[b.Key] {
			continue
		}
		held, err := s.lock(b.Key, syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil {
			continue // in use
		}
		if !dry {
			err = errors.Join(s.remove(b.Key), os.Remove(s.Path(b.Key)+lockEnd))
		}
		held.Close()
		if err != nil {
			return gone, fmt.Errorf("cannot remove environment %s: %w", Short(b.Key), err)
		}
		gone = append(gone, b)
	}
	if dry {
		return gone, nil
	}
	return gone, s.sweep()
}

// remove takes an environment away: it is not complete any more before the first file
// goes. The caller holds its lock alone.
func (s Store) remove(key string) error {
	aside := filepath.Join(s.Dir, temporary+key+"-gone")
	if err := os.Rename(s.Path(key), aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(aside)
}

// sweep removes what killed builds have left: that of whoever still builds is locked.
func (s Store) sweep() error {
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var errs []error
	for _, e := range entries {
		name, left := strings.CutPrefix(e.Name(), temporary)
		key, _, ok := strings.Cut(name, "-")
		if !left || !ok {
			continue
		}
		if held, err := s.lock(key, syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			errs = append(errs, s.sweepKey(key))
			if !s.Has(key) {
				errs = append(errs, os.Remove(s.Path(key)+lockEnd))
			}
			held.Close()
		}
	}
	return errors.Join(errs...)
}

// sweepKey removes what killed builds of one key have left. The caller holds its lock
// alone.
func (s Store) sweepKey(key string) error {
	left, err := filepath.Glob(filepath.Join(s.Dir, temporary+key+"-*"))
	if err != nil {
		return err
	}
	slices.Sort(left)
	var errs []error
	for _, dir := range left {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}
