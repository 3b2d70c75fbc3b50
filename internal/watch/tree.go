// Package watch tells which files of a directory tree changed, one answer for each
// burst: an editor writes a file, renames it and removes another when it saves
// once. It looks at names alone and reads no file.
//
// It is not a record: two changes of one file are one, and one that is undone
// within a burst is told all the same.
package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// settle is how long nothing changes before a burst is over, and longest how long
	// one lasts at most: somebody may never stop to write.
	settle  = 30 * time.Millisecond
	longest = 500 * time.Millisecond
)

// Tree watches a directory and everything below it. It belongs to one goroutine.
type Tree struct {
	root   string
	source source
}

// source tells of single changes.
type source interface {
	// wait returns the paths that changed, relative to the root, as soon as there are
	// some. It fails with os.ErrDeadlineExceeded when there are none until a moment (the
	// zero time never comes), and with the error of ctx when that ends.
	wait(ctx context.Context, until time.Time) ([]string, error)
	close() error
}

// Open begins to watch root. Directories that skip reports, by absolute path, are left
// out with all that they hold. Where the system tells of changes itself it is asked to,
// elsewhere the tree is looked through several times a second.
func Open(root string, skip func(dir string) bool) (*Tree, error) {
	real, err := filepath.EvalSymlinks(root)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot watch %s: %w", root, err)
	}
	t := &Tree{root: real}
	if t.source, err = native(real, skip); err != nil {
		t.source, err = newPoller(real, skip)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot watch %s: %w", root, err)
	}
	return t, nil
}

// Root returns the absolute path of the directory that is watched.
func (t *Tree) Root() string { return t.root }

// Next waits for the next burst of changes and returns the paths that changed,
// relative to the root and sorted; a path may be that of a directory. It fails when
// ctx ends, or when the root is gone.
func (t *Tree) Next(ctx context.Context) ([]string, error) {
	changed := map[string]bool{}
	var until, last time.Time
	for {
		paths, err := t.source.wait(ctx, until)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return slices.Sorted(maps.Keys(changed)), nil
		case err != nil && ctx.Err() == nil:
			return nil, fmt.Errorf("cannot watch %s: %w", t.root, err)
		case err != nil:
			return nil, err
		}
		for _, path := range paths {
			changed[path] = true
		}
		now := time.Now()
		if last.IsZero() {
			last = now.Add(longest)
		}
		if until = now.Add(settle); until.After(last) {
			until = last
		}
	}
}

// Close ends the watch.
func (t *Tree) Close() error { return t.source.close() }
