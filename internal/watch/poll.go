package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// pollEvery is how often a tree is looked through.
const pollEvery = 200 * time.Millisecond

// poller is a source for systems that do not tell: it compares what the tree holds
// now with what it held before.
type poller struct {
	root string
	skip func(dir string) bool
	held map[string]stamp
}

// stamp is what changes of a file when it is written.
type stamp struct {
	written time.Time
	size    int64
	mode    fs.FileMode
}

func newPoller(root string, skip func(dir string) bool) (*poller, error) {
	p := &poller{root: root, skip: skip}
	var err error
	p.held, err = p.look()
	return p, err
}

// look stamps every file below the root.
func (p *poller) look() (map[string]stamp, error) {
	held := map[string]stamp{}
	err := filepath.WalkDir(p.root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && path != p.root:
			return nil // it went while we looked
		case err != nil:
			return err
		case d.IsDir() && path != p.root && p.skip(path):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil //nolint:nilerr // a link to nothing, or it went
		}
		held[relative(p.root, path)] = stamp{info.ModTime(), info.Size(), info.Mode()}
		return nil
	})
	return held, err
}

// wait implements source.
func (p *poller) wait(ctx context.Context, until time.Time) ([]string, error) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		held, err := p.look()
		if err != nil {
			return nil, err
		}
		changed := differences(p.held, held)
		p.held = held
		if len(changed) > 0 {
			return changed, nil
		}
		if !until.IsZero() && !time.Now().Before(until) {
			return nil, os.ErrDeadlineExceeded
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *poller) close() error { return nil }

// differences returns the paths that are in one of the two alone, or differ.
func differences(before, after map[string]stamp) []string {
	var out []string
	for path, was := range before {
		if is, there := after[path]; !there || is != was {
			out = append(out, path)
		}
	}
	for path := range after {
		if _, known := before[path]; !known {
			out = append(out, path)
		}
	}
	return out
}

// relative returns path as it is below root.
func relative(root, path string) string {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return path
	}
	return rel
}
