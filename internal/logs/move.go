package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Move gives the logs of a pool to another address. Writers go on in their files,
// which keep their names below the pool; what the other address has already stays.
func (d Dir) Move(from, to string) error {
	old, target := d.pool(from), d.pool(to)
	err := os.Rename(old, target)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(mergeInto(old, target), removeEmpty(old))
}

// mergeInto moves every file below old to the same place below target.
func mergeInto(old, target string) error {
	return filepath.WalkDir(old, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(old, path)
		if err != nil {
			return err
		}
		into := filepath.Join(target, rel)
		if entry.IsDir() {
			return os.MkdirAll(into, 0o700)
		}
		if _, err := os.Lstat(into); err == nil {
			return nil // the fork servers' words of before
		}
		if err := os.Rename(path, into); err != nil {
			return fmt.Errorf("cannot move a log: %w", err)
		}
		return nil
	})
}

// removeEmpty removes what is left: directories, and what the other address had too.
func removeEmpty(dir string) error { return os.RemoveAll(dir) }
