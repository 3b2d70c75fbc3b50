package runtime

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// Cache remembers what interpreters said of themselves, in a file that may be
// lost at any time. An entry counts while the file behind the path is the same:
// inode, size and time of change. A nil Cache remembers nothing. It is safe for
// concurrent use.
type Cache struct {
	path string

	mu      sync.Mutex // guards entries, changed
	entries map[string]entry
	changed bool
}

type entry struct {
	Stamp  stamp  `json:"stamp"`
	Python python `json:"python"`
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
	c := &Cache{path: path, entries: map[string]entry{}}
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &c.entries) != nil || c.entries == nil {
		c.entries = map[string]entry{}
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
	b, err := json.Marshal(c.entries)
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
	e, known := c.entries[path]
	if !ok || !known || e.Stamp != now {
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
	c.entries[path], c.changed = entry{now, p}, true
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
