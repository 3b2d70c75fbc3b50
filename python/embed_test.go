package python_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/python"
)

// files returns path -> content of every file below a directory.
func files(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, path)
		out[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestExtractWritesEveryFile(t *testing.T) {
	dir, err := python.Extract(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	got := files(t, os.DirFS(dir))
	if diff := cmp.Diff(files(t, python.Files), got); diff != "" {
		t.Errorf("extracted files (-want +got):\n%s", diff)
	}
	want := map[string]string{}
	for _, pattern := range []string{"snakepit/*.py", "snakepit/py.typed", "snakepit_bridge/*.py", "snakepit_bridge/py.typed"} {
		paths, err := filepath.Glob(filepath.FromSlash(pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want[filepath.ToSlash(path)] = string(data)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("extracted files against the source (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(python.Entry(dir)); err != nil {
		t.Errorf("Entry: %v", err)
	}
}

func TestExtractTwiceKeepsTheCopy(t *testing.T) {
	root := t.TempDir()
	first, err := python.Extract(root)
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(first, "snakepit", "__pycache__")
	if err := os.Mkdir(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	second, err := python.Extract(root)
	if err != nil {
		t.Fatal(err)
	}
	if first != second {
		t.Errorf("Extract = %s, then %s; want one directory", first, second)
	}
	if _, err := os.Stat(cache); err != nil {
		t.Errorf("the second Extract replaced the copy: %v", err)
	}
}

func TestExtractAtOnce(t *testing.T) {
	root := t.TempDir()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			dir, err := python.Extract(root)
			if err != nil {
				t.Errorf("Extract: %v", err)
				return
			}
			if diff := cmp.Diff(files(t, python.Files), files(t, os.DirFS(dir))); diff != "" {
				t.Errorf("extracted files (-want +got):\n%s", diff)
			}
		})
	}
	group.Wait()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%d entries are left in the directory, want the one copy: %v", len(entries), entries)
	}
}

func TestExtractSaysWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if dir, err := python.Extract(file); err == nil {
		t.Errorf("Extract below a file = %s, want an error", dir)
	}
}
