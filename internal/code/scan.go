package code

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/code/glob"
	"github.com/snakectl/snakectl/internal/pool"
)

// Limits of the code of one adapter.
const (
	MaxFiles = 10_000
	MaxBytes = 64 << 20
)

// Scan describes the code of one pool's adapter, as a new Scanner would.
func Scan(root string, p *pool.Pool) (pool.Snapshot, error) {
	return NewScanner().Scan(root, p)
}

// Scanner describes the code of adapters. It reads each file and lists each
// directory once, however many pools share them, so all its answers tell of one
// moment; use a new one for the next plan. It is not safe for concurrent use.
type Scanner struct {
	files map[string]file    // by absolute path
	trees map[string]listing // by absolute directory
}

type file struct {
	hash string
	size int64
}

type listing struct {
	paths []string // relative to the root of the listing, with slashes, sorted
	err   error
}

// NewScanner returns a Scanner that has read nothing yet.
func NewScanner() *Scanner {
	return &Scanner{files: map[string]file{}, trees: map[string]listing{}}
}

// Scan returns the files below root that belong to the pool's adapter, with the
// hash of each. They are those that the attribute code matches (and the
// adapter's own file); without it the adapter's file, or the top-level package
// or module of that name below the first directory of python_path that has one.
//
// A module that is not found below root is imported from the runtime's own
// packages: the snapshot then has no files. With code_mode "live" it never has.
func (s *Scanner) Scan(root string, p *pool.Pool) (pool.Snapshot, error) {
	snap := pool.Snapshot{Root: root, Files: map[string]string{}}
	if p.CodeMode == pool.CodeLive {
		return snap, nil
	}
	paths, err := s.find(root, p)
	if err == nil {
		err = s.hashAll(root, paths, snap.Files)
	}
	if err != nil {
		return pool.Snapshot{}, fmt.Errorf("cannot read the code of %s: %w", p.Address(), err)
	}
	snap.Hash = pool.HashFiles(snap.Files)
	return snap, nil
}

// find returns the paths of the adapter's files, relative to root.
func (s *Scanner) find(root string, p *pool.Pool) ([]string, error) {
	module, _, _ := strings.Cut(p.Adapter, ":")
	var own []string
	if strings.HasSuffix(module, ".py") {
		own = []string{path.Clean(filepath.ToSlash(module))}
	}
	switch {
	case len(p.Code) > 0:
		matched, err := s.match(root, p.Code)
		return append(own, matched...), err
	case own != nil:
		return own, nil
	}
	top, _, _ := strings.Cut(module, ".")
	for _, dir := range p.PythonPath {
		if paths, err := s.module(root, path.Join(dir, top)); err != nil || paths != nil {
			return paths, err
		}
	}
	return nil, nil
}

// module returns the files of a package directory or of a single module, in the
// order in which Python looks for them, or nil when there is neither.
func (s *Scanner) module(root, name string) ([]string, error) {
	if isFile(root, name+"/__init__.py") {
		return s.below(root, name)
	}
	if isFile(root, name+".py") {
		return []string{name + ".py"}, nil
	}
	info, err := os.Stat(filepath.Join(root, name))
	if err != nil || !info.IsDir() {
		return nil, nil //nolint:nilerr // not found is an answer: the runtime has it
	}
	return s.below(root, name)
}

func isFile(root, name string) bool {
	info, err := os.Stat(filepath.Join(root, name))
	return err == nil && info.Mode().IsRegular()
}

func (s *Scanner) below(root, dir string) ([]string, error) {
	all, err := s.list(root, dir)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(all))
	for i, name := range all {
		out[i] = path.Join(dir, name)
	}
	return out, nil
}

// match returns the files that any pattern matches. A pattern that matches
// nothing is an error: it is most likely misspelt.
func (s *Scanner) match(root string, patterns []string) ([]string, error) {
	all, err := s.list(root, ".")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, pattern := range patterns {
		before := len(out)
		for _, name := range all {
			if glob.Match(pattern, name) {
				out = append(out, name)
			}
		}
		if len(out) == before {
			return nil, fmt.Errorf("the pattern %q of code matches no file in %s", pattern, root)
		}
	}
	return out, nil
}

// hashAll hashes the files at paths, each once, within the limits.
func (s *Scanner) hashAll(root string, paths []string, into map[string]string) error {
	realRoot, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	paths = slices.Compact(slices.Sorted(slices.Values(paths)))
	if len(paths) > MaxFiles {
		return fmt.Errorf("more than %d files belong to it; name fewer with code = [\"…\"]", MaxFiles)
	}
	var total int64
	for _, name := range paths {
		f, err := s.hash(realRoot, name, MaxBytes-total)
		if err != nil {
			return err
		}
		total += f.size
		into[name] = f.hash
	}
	return nil
}

// hash returns a file's content hash; a file larger than limit is refused.
func (s *Scanner) hash(realRoot, name string, limit int64) (file, error) {
	full, err := resolve(realRoot, name)
	if err != nil {
		return file{}, err
	}
	f, known := s.files[full]
	if !known {
		if f, err = hashFile(full, limit); err != nil {
			return file{}, fmt.Errorf("%s: %w", name, err)
		}
		s.files[full] = f
	}
	if f.size > limit {
		return file{}, fmt.Errorf("%s: %w", name, errTooLarge)
	}
	return f, nil
}

var errTooLarge = errors.New("the files that belong to it are larger than 64 MiB together; name fewer with code = [\"…\"]")

func hashFile(full string, limit int64) (file, error) {
	in, err := os.Open(full)
	if err != nil {
		return file{}, err
	}
	defer in.Close()
	if info, err := in.Stat(); err != nil || !info.Mode().IsRegular() {
		return file{}, errors.Join(errors.New("not a regular file"), err)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(in, limit+1))
	if err != nil {
		return file{}, err
	}
	if n > limit {
		return file{}, errTooLarge
	}
	return file{hash: hex.EncodeToString(sum.Sum(nil)), size: n}, nil
}

// resolve follows the links of root/name and refuses to leave root, whose own
// links are resolved already.
func resolve(realRoot, name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q lies outside the configuration's directory", name)
	}
	full, err := filepath.EvalSymlinks(filepath.Join(realRoot, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no file %s in %s", name, realRoot)
	}
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(realRoot, full); err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%s is a link to %s, outside the configuration's directory", name, full)
	}
	return full, nil
}
