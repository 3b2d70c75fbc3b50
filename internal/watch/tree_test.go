package watch

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a change may take to be told on a machine that is busy.
const patience = 20 * time.Second

func skipCaches(dir string) bool { return filepath.Base(dir) == "__pycache__" }

// sources are the ways to watch that this system has.
func sources(t *testing.T, root string) map[string]*Tree {
	t.Helper()
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	poll, err := newPoller(real, skipCaches)
	if err != nil {
		t.Fatal(err)
	}
	trees := map[string]*Tree{"poll": {root: real, source: poll}}
	if runtime.GOOS == "linux" {
		tree, err := Open(root, skipCaches)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := tree.source.(*poller); ok {
			t.Fatal("the kernel is not asked")
		}
		trees["native"] = tree
	}
	for _, tree := range trees {
		t.Cleanup(func() {
			if err := tree.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return trees
}

// tells waits until all of the paths were told of, in one burst or in several.
func tells(t *testing.T, tree *Tree, paths ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	missing := slices.Clone(paths)
	for len(missing) > 0 {
		changed, err := tree.Next(ctx)
		if err != nil {
			t.Fatalf("Next = %v, still without %q", err, missing)
		}
		if slices.ContainsFunc(changed, func(path string) bool { return skipCaches(filepath.Dir(path)) }) {
			t.Errorf("Next = %q, want nothing of what is skipped", changed)
		}
		missing = slices.DeleteFunc(missing, func(path string) bool { return slices.Contains(changed, path) })
	}
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, root, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(root, from), filepath.Join(root, to)); err != nil {
		t.Fatal(err)
	}
}

// Every way in which an editor saves is told of: in place, by a rename, by a new
// directory that holds the file already, by taking one away.
func TestNext(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a.py", "1")
	write(t, root, "pkg/b.py", "1")
	write(t, root, "__pycache__/a.pyc", "1")
	for name, tree := range sources(t, root) {
		t.Run(name, func(t *testing.T) {
			write(t, root, "a.py", "in place "+name)
			tells(t, tree, "a.py")
			write(t, root, ".a.py.swp", "by a rename "+name)
			rename(t, root, ".a.py.swp", "a.py")
			tells(t, tree, "a.py")
			write(t, root, "__pycache__/a.pyc", "nobody's business "+name)
			write(t, root, "pkg/b.py", "below "+name)
			tells(t, tree, "pkg/b.py")
			write(t, root, "new/deep/c.py", name)
			tells(t, tree, "new/deep/c.py")
			write(t, root, "new/deep/c.py", "again "+name)
			tells(t, tree, "new/deep/c.py")
			if err := os.RemoveAll(filepath.Join(root, "new")); err != nil {
				t.Fatal(err)
			}
			tells(t, tree, "new/deep/c.py")
		})
	}
}

// A burst is one answer.
func TestNextGathers(t *testing.T) {
	root := t.TempDir()
	for name, tree := range sources(t, root) {
		t.Run(name, func(t *testing.T) {
			var paths []string
			for _, file := range []string{"a", "b", "c", "d"} {
				write(t, root, file+".py", name)
				paths = append(paths, file+".py")
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			changed, err := tree.Next(ctx)
			if err != nil || !slices.Equal(changed, paths) {
				t.Errorf("Next = %q, %v, want %q", changed, err, paths)
			}
		})
	}
}

func TestNextEnds(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	write(t, root, "a.py", "1")
	trees := sources(t, root)
	for name, tree := range trees {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if changed, err := tree.Next(ctx); err == nil {
			t.Errorf("%s: Next after the end = %q, want an error", name, changed)
		}
	}
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	for name, tree := range trees {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		var err error
		for err == nil {
			_, err = tree.Next(ctx)
		}
		if ctx.Err() != nil {
			t.Errorf("%s: Next says nothing of a root that is gone", name)
		}
		cancel()
	}
}

func TestOpenNothing(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "nowhere"), skipCaches); err == nil {
		t.Error("Open of nothing succeeds")
	}
}
