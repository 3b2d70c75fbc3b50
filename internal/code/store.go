package code

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// Store keeps copies of code, each in a directory named by its hash, read-only
// but for the caches that Python adds. Its methods are safe for concurrent use,
// also by several processes.
type Store struct {
	// Dir is created when the first copy is made.
	Dir string
}

// ErrChanged is returned by Put when a file is not what the plan saw.
var ErrChanged = errors.New("changed since the plan: plan again")

const temporary = ".new-"

// Path returns the directory of a copy, whether it exists or not.
func (s Store) Path(hash string) string { return filepath.Join(s.Dir, hash) }

// Has reports whether a copy exists. A copy appears at once, complete.
func (s Store) Has(hash string) bool {
	info, err := os.Stat(s.Path(hash))
	return err == nil && info.IsDir()
}

// Put copies the files of a snapshot into the store, unless it has them. Each is
// hashed while it is copied: a file that differs from the snapshot is ErrChanged,
// and nothing is kept. A snapshot without files needs no copy.
func (s Store) Put(ctx context.Context, snap pool.Snapshot) (err error) {
	if snap.Hash == "" {
		return nil
	}
	if err := check(snap); err != nil {
		return fmt.Errorf("cannot keep code: %w", err)
	}
	if s.Has(snap.Hash) {
		return nil
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("cannot keep code: %w", err)
	}
	temp, err := os.MkdirTemp(s.Dir, temporary)
	if err != nil {
		return fmt.Errorf("cannot keep code: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	if err := copyAll(ctx, snap, temp); err != nil {
		return fmt.Errorf("cannot keep code: %w", err)
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return fmt.Errorf("cannot keep code: %w", err)
	}
	if err := os.Rename(temp, s.Path(snap.Hash)); err != nil && !s.Has(snap.Hash) { // else another Put was first
		return fmt.Errorf("cannot keep code: %w", err)
	}
	return syncDir(s.Dir)
}

// check refuses a snapshot that contradicts itself: it may come from a socket.
func check(snap pool.Snapshot) error {
	if len(snap.Files) > MaxFiles {
		return fmt.Errorf("a snapshot of %d files is too large", len(snap.Files))
	}
	for name := range snap.Files {
		if !filepath.IsLocal(filepath.FromSlash(name)) || name != filepath.ToSlash(filepath.Clean(name)) {
			return fmt.Errorf("%q is not a path below a directory", name)
		}
	}
	if pool.HashFiles(snap.Files) != snap.Hash {
		return errors.New("the hash of the snapshot is not that of its files")
	}
	return nil
}

func copyAll(ctx context.Context, snap pool.Snapshot, to string) error {
	realRoot, err := filepath.EvalSymlinks(snap.Root)
	if err != nil {
		return err
	}
	dirs := map[string]bool{to: true}
	limit := int64(MaxBytes)
	for name, want := range snap.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		full, err := resolve(realRoot, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(name))
		for dir := filepath.Dir(target); !dirs[dir]; dir = filepath.Dir(dir) {
			dirs[dir] = true
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		got, n, err := copyFile(full, target, limit)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if got != want {
			return fmt.Errorf("%s %w", filepath.Join(snap.Root, name), ErrChanged)
		}
		limit -= n
	}
	for dir := range dirs {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies at most limit bytes and returns their hash.
func copyFile(from, to string, limit int64) (hash string, n int64, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	sum := sha256.New()
	n, err = io.Copy(io.MultiWriter(out, sum), io.LimitReader(in, limit+1))
	if err == nil && n > limit {
		err = errTooLarge
	}
	if err == nil {
		err = out.Sync()
	}
	return hex.EncodeToString(sum.Sum(nil)), n, err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Verify returns an error when a copy is missing or is not what its name says.
// Python's caches do not count.
func (s Store) Verify(hash string) error {
	root := s.Path(hash)
	files := map[string]string{}
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == "__pycache__":
			return filepath.SkipDir
		case e.IsDir():
			return nil
		}
		f, err := hashFile(name, MaxBytes)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		files[filepath.ToSlash(rel)] = f.hash
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot verify code %s: %w", hash, err)
	}
	if got := pool.HashFiles(files); got != hash {
		return fmt.Errorf("code %s is damaged: its files have the hash %s; apply again from the configuration", hash, got)
	}
	return nil
}

// GC removes the copies that keep does not name, and returns their hashes,
// sorted. What a Put has begun and not finished is left alone while it is fresh
// and removed by the next supervisor: see Sweep.
func (s Store) GC(keep map[string]bool) ([]string, error) {
	return s.remove(func(name string) bool { return !strings.HasPrefix(name, ".") && !keep[name] })
}

// Sweep removes what an interrupted Put left behind. Only a process that is
// alone with the store may call it: a supervisor when it starts.
func (s Store) Sweep() error {
	_, err := s.remove(func(name string) bool { return strings.HasPrefix(name, temporary) })
	return err
}

func (s Store) remove(unwanted func(name string) bool) ([]string, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot clean up code: %w", err)
	}
	var removed []string
	for _, e := range entries {
		if !unwanted(e.Name()) {
			continue
		}
		if err := os.RemoveAll(s.Path(e.Name())); err != nil {
			return removed, fmt.Errorf("cannot clean up code: %w", err)
		}
		removed = append(removed, e.Name())
	}
	slices.Sort(removed)
	return removed, nil
}
