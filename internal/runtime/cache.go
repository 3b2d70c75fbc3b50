package runtime

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// Cache remembers what interpreters said of themselves and which of them a shim
// stands for, and the hashes of wheels, in a file that may be lost at any time. What is
// known of a file counts while it is the same: inode, size and time of change. A nil
// Cache remembers nothing. It is safe for concurrent use.
type Cache struct {
	path string

	mu      sync.Mutex // guards known, changed
	known   known
	changed bool
}

// known is the content of the cache's file, by path.
type known struct {
	Interpreters map[string]entry `json:"interpreters"`
	Shims        map[string]shim  `json:"shims"`
	Files        map[string]file  `json:"files"`
}

type entry struct {
	Stamp  stamp  `json:"stamp"`
	Python python `json:"python"`
}

// file is the hash of a file's bytes.
type file struct {
	Stamp stamp  `json:"stamp"`
	Hash  string `json:"hash"`
}

// shim is what a shim stood for when Decides was what decides it.
type shim struct {
	Decides string `json:"decides"`
	Path    string `json:"path"`
}

// stamp tells one state of one file from any other.
type stamp struct {
	Inode uint64 `json:"inode"`
	Size  int64  `json:"size"`
	MTime int64  `json:"mtime_ns"`
}

// DefaultCachePath returns where the cache of this user lies.
func DefaultCachePath() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "snakectl", "interpreters.json"), nil
}

// OpenCache reads the cache at path. A file that is missing or cannot be read is
// an empty cache.
func OpenCache(path string) *Cache {
	c := &Cache{path: path}
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &c.known) != nil {
		c.known = known{}
	}
	if c.known.Interpreters == nil {
		c.known.Interpreters = map[string]entry{}
	}
	if c.known.Shims == nil {
		c.known.Shims = map[string]shim{}
	}
	if c.known.Files == nil {
		c.known.Files = map[string]file{}
	}
	return c
}

// Save writes the cache when it has learnt something. Callers may ignore the
// error: the next run asks again.
func (c *Cache) Save() (err error) {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.changed {
		return nil
	}
	b, err := json.Marshal(c.known)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(c.path), ".interpreters-")
	if err != nil {
		return err
	}
	_, err = temp.Write(b)
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), c.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	c.changed = false
	return nil
}

func (c *Cache) get(path string) (python, bool) {
	if c == nil {
		return python{}, false
	}
	now, ok := stampOf(path)
	c.mu.Lock()
	defer c.mu.Unlock()
	e, seen := c.known.Interpreters[path]
	if !ok || !seen || e.Stamp != now {
		return python{}, false
	}
	// A link on the way may lead elsewhere now, to a copy of the same file.
	target, err := filepath.EvalSymlinks(path)
	return e.Python, err == nil && target == e.Python.Real
}

func (c *Cache) put(path string, p python) {
	now, ok := stampOf(path)
	if c == nil || !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known.Interpreters[path], c.changed = entry{now, p}, true
}

// shim returns the interpreter that a shim stood for, if what decides is the same.
func (c *Cache) shim(path, decides string) (string, bool) {
	if c == nil {
		return "", false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s, seen := c.known.Shims[path]
	return s.Path, seen && s.Decides == decides
}

func (c *Cache) putShim(path string, s shim) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known.Shims[path], c.changed = s, true
}

// hash returns the hash of a file's bytes, which a nil Cache always reads.
func (c *Cache) hash(path string) (string, error) {
	now, ok := stampOf(path)
	if c != nil && ok {
		c.mu.Lock()
		f, seen := c.known.Files[path]
		c.mu.Unlock()
		if seen && f.Stamp == now {
			return f.Hash, nil
		}
	}
	hash, err := hashFile(path)
	if err != nil || c == nil || !ok {
		return hash, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known.Files[path], c.changed = file{now, hash}, true
	return hash, nil
}

func stampOf(path string) (stamp, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, false
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}, false
	}
	return stamp{Inode: sys.Ino, Size: info.Size(), MTime: info.ModTime().UnixNano()}, true
}
