package code_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/code"
	"github.com/snakectl/snakectl/internal/pool"
)

// write lays out files: path -> content.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func adapter(name string) *pool.Pool {
	return &pool.Pool{Name: "api", Adapter: name, PythonPath: []string{"."}, CodeMode: pool.CodeSnapshot}
}

func tree(t *testing.T) string {
	return write(t, map[string]string{
		"a.py": "A", "b.py": "B", "notes.txt": "n", "one.py": "1",
		"pkg/__init__.py": "", "pkg/mod.py": "m", "pkg/data/table.csv": "1,2", "pkg/__pycache__/mod.pyc": "x",
		"pkg.py": "shadowed by the package", "pkg/old.pyc": "x", "pkg/.git/HEAD": "x",
		"space/mod.py": "namespace package", "src/deep/__init__.py": "", "src/one.py": "second",
		"venv/pyvenv.cfg": "", "venv/lib/x.py": "not ours",
	})
}

func TestScanFindsTheAdaptersFiles(t *testing.T) {
	root := tree(t)
	tests := []struct {
		name string
		pool *pool.Pool
		want []string
	}{
		{"a file", adapter("./a.py"), []string{"a.py"}},
		{"a class of a file", adapter("./src/../a.py:Api"), []string{"a.py"}},
		{"a package with its data, without caches", adapter("pkg.mod:Api"), []string{"pkg/__init__.py", "pkg/data/table.csv", "pkg/mod.py"}},
		{"a module", adapter("one"), []string{"one.py"}},
		{"a namespace package", adapter("space.mod"), []string{"space/mod.py"}},
		{"a module of the runtime", adapter("json.tool"), nil},
		{"the second python_path", &pool.Pool{Adapter: "deep", PythonPath: []string{".", "src"}}, []string{"src/deep/__init__.py"}},
		{"the first python_path wins", &pool.Pool{Adapter: "one", PythonPath: []string{"src", "."}}, []string{"src/one.py"}},
		{"patterns", &pool.Pool{Adapter: "pkg", Code: []string{"*.txt", "**/one.py"}}, []string{"notes.txt", "one.py", "src/one.py"}},
		{"patterns beside the adapter's file", &pool.Pool{Adapter: "./a.py", Code: []string{"*.txt"}}, []string{"a.py", "notes.txt"}},
		{"no virtual environments", &pool.Pool{Adapter: "./a.py", Code: []string{"**/x.py", "*.txt"}}, nil},
		{"live", &pool.Pool{Adapter: "./a.py", CodeMode: pool.CodeLive}, nil},
	}
	scanner := code.NewScanner()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			snap, err := scanner.Scan(root, tt.pool)
			if tt.name == "no virtual environments" {
				if err == nil || !strings.Contains(err.Error(), `"**/x.py" of code matches no file`) {
					t.Fatalf("Scan = %v, want an error about the pattern", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, slices.Sorted(maps.Keys(snap.Files))); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if snap.Root != root || snap.Hash != pool.HashFiles(snap.Files) || (snap.Hash == "") != (len(tt.want) == 0) {
				t.Errorf("root = %q, hash = %q of %d files", snap.Root, snap.Hash, len(snap.Files))
			}
		})
	}
}

func TestScanRefuses(t *testing.T) {
	outside := write(t, map[string]string{"secret.py": "x"})
	root := tree(t)
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(outside, "secret.py"), "escape.py")
	link("a.py", "alias.py")
	link("..", "pkg/up")
	link("nowhere", "pkg/dangling")
	big, err := os.Create(filepath.Join(root, "big.py"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(big.Truncate(code.MaxBytes+1), big.Close()); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ adapter, want string }{
		{"./missing.py", "there is no file missing.py"},
		{"./escape.py", "outside the configuration's directory"},
		{"./../x.py", "outside the configuration's directory"},
		{"./big.py", "larger than 64 MiB"},
		{"./alias.py", ""}, // a link inside is fine
	}
	for _, tt := range tests {
		_, err := code.Scan(root, adapter(tt.adapter))
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("Scan(%q) = %v, want no error", tt.adapter, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "pool.api")):
			t.Errorf("Scan(%q) = %v, want an error with %q and the pool", tt.adapter, err, tt.want)
		}
	}
	// A link to the directory above leads back into the package: no circle.
	for _, name := range []string{"escape.py", "big.py"} {
		if err := os.Remove(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := code.Scan(root, adapter("pkg.mod")); err != nil {
		t.Errorf("Scan with a circle of links: %v", err)
	}
}

// A hundred links to a directory of a hundred files are ten thousand files.
func TestScanRefusesTooManyFiles(t *testing.T) {
	files := map[string]string{"pkg/__init__.py": ""}
	for i := range 100 {
		files[fmt.Sprintf("pkg/d/f%d.py", i)] = ""
	}
	root := write(t, files)
	for i := range code.MaxFiles / 100 {
		if err := os.Symlink("d", filepath.Join(root, "pkg", fmt.Sprintf("d%d", i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := code.Scan(root, adapter("pkg")); err == nil || !strings.Contains(err.Error(), "more than 10000 files") {
		t.Errorf("Scan of %d files = %v, want an error", code.MaxFiles, err)
	}
}

func TestStoreKeepsWhatWasScanned(t *testing.T) {
	root := tree(t)
	store := code.Store{Dir: filepath.Join(t.TempDir(), "code")}
	snap, err := code.Scan(root, adapter("pkg.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var puts sync.WaitGroup
	for range 8 {
		puts.Go(func() {
			if err := store.Put(t.Context(), snap); err != nil {
				t.Error(err)
			}
		})
	}
	puts.Wait()
	copied := filepath.Join(store.Path(snap.Hash), "pkg", "mod.py")
	if err := os.WriteFile(filepath.Join(root, "pkg", "mod.py"), []byte("edited"), 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(copied)
	if err != nil || string(text) != "m" {
		t.Errorf("copy = %q, %v, want the text before the edit", text, err)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o444 {
		t.Errorf("mode of a copy = %v, %v, want 0444", info.Mode(), err)
	}
	if err := os.MkdirAll(filepath.Join(store.Path(snap.Hash), "pkg", "__pycache__"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := store.Verify(snap.Hash); err != nil {
		t.Errorf("Verify: %v", err)
	}
	if err := store.Put(t.Context(), snap); err != nil {
		t.Errorf("Put of code that is kept, after an edit: %v", err)
	}
	entries, err := os.ReadDir(store.Dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the store holds %v, %v, want one copy and nothing temporary", entries, err)
	}
}

func TestStorePutRefuses(t *testing.T) {
	root := tree(t)
	snap, err := code.Scan(root, adapter("./a.py"))
	if err != nil {
		t.Fatal(err)
	}
	store := code.Store{Dir: t.TempDir()}
	tampered := map[string]string{"../a.py": snap.Files["a.py"]}
	tests := []struct {
		name string
		snap pool.Snapshot
		want string
	}{
		{"a path outside", pool.Snapshot{Root: root, Files: tampered, Hash: pool.HashFiles(tampered)}, "not a path below"},
		{"a hash that is not the files'", pool.Snapshot{Root: root, Files: snap.Files, Hash: strings.Repeat("0", 64)}, "not that of its files"},
		{"a root that is gone", pool.Snapshot{Root: filepath.Join(root, "gone"), Files: snap.Files, Hash: snap.Hash}, "no such file"},
	}
	for _, tt := range tests {
		if err := store.Put(t.Context(), tt.snap); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Put of %s = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "a.py"), []byte("edited"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := store.Put(t.Context(), snap); !errors.Is(err, code.ErrChanged) || !strings.Contains(err.Error(), "a.py changed since the plan: plan again") {
		t.Errorf("Put after an edit = %v, want ErrChanged naming the file", err)
	}
	if entries, err := os.ReadDir(store.Dir); err != nil || len(entries) != 0 {
		t.Errorf("after refusals the store holds %v, %v, want nothing", entries, err)
	}
}

func TestStoreVerifyAndGC(t *testing.T) {
	root := tree(t)
	store := code.Store{Dir: t.TempDir()}
	var hashes []string
	for _, name := range []string{"./a.py", "./b.py", "pkg"} {
		snap, err := code.Scan(root, adapter(name))
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Put(t.Context(), snap); err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, snap.Hash)
	}
	damaged := filepath.Join(store.Path(hashes[0]), "a.py")
	if err := errors.Join(os.Chmod(damaged, 0o644), os.WriteFile(damaged, []byte("other"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := store.Verify(hashes[0]); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Verify of a damaged copy = %v, want an error", err)
	}
	if err := os.Mkdir(filepath.Join(store.Dir, ".new-1"), 0o755); err != nil {
		t.Fatal(err)
	}
	removed, err := store.GC(map[string]bool{hashes[1]: true})
	if want := slices.Sorted(slices.Values([]string{hashes[0], hashes[2]})); err != nil || !slices.Equal(removed, want) {
		t.Errorf("GC = %v, %v, want %v", removed, err, want)
	}
	if !store.Has(hashes[1]) || store.Has(hashes[0]) {
		t.Errorf("GC kept %v and %v, want only the second", store.Has(hashes[0]), store.Has(hashes[1]))
	}
	if err := store.Sweep(); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(store.Dir); err != nil || len(entries) != 1 {
		t.Errorf("after Sweep the store holds %v, %v, want one copy", entries, err)
	}
}
