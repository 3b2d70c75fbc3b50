// Package golden compares what a program makes with what it made before: with a
// file, or with one file of each of several txtar archives. With UPDATE=1 in the
// environment it writes what was made instead; read the difference before it is
// committed.
package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

func updating() bool { return os.Getenv("UPDATE") != "" }

// File compares text with the file at path.
func File(t *testing.T, path, got string) {
	t.Helper()
	if updating() {
		write(t, path, []byte(got))
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs from what is made now; UPDATE=1 writes it (-want +got):\n%s", path, diff)
	}
}

// Archives runs a subtest for each archive that the pattern matches, which compares
// the archive's file of that name with what is made of the archive.
func Archives(t *testing.T, pattern, name string, made func(*testing.T, *txtar.Archive) string) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives at %s: %v", pattern, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := made(t, archive)
			if updating() {
				set(archive, name, got)
				write(t, path, txtar.Format(archive))
				return
			}
			if diff := cmp.Diff(string(Section(archive, name)), got); diff != "" {
				t.Errorf("%s differs; UPDATE=1 writes it (-want +got):\n%s", name, diff)
			}
		})
	}
}

// Section returns the content of a file of an archive, nil when it has none.
func Section(archive *txtar.Archive, name string) []byte {
	for _, f := range archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func set(archive *txtar.Archive, name, text string) {
	for i := range archive.Files {
		if archive.Files[i].Name == name {
			archive.Files[i].Data = []byte(text)
			return
		}
	}
	archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(text)})
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
