package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	untidy = "pool \"api\" {\nadapter=\"./a.py\"\n  size   = 2\n}\n"
	tidy   = "pool \"api\" {\n  adapter = \"./a.py\"\n  size    = 2\n}\n"
)

// layout writes files below a fresh directory.
func layout(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFmtRewrites(t *testing.T) {
	dir := layout(t, map[string]string{"a.hcl": untidy, "b.hcl": tidy, "sub/c.hcl": untidy, ".git/d.hcl": untidy, "e.txt": untidy})
	a := newTestApp(t)
	if code := a.run(t, "fmt", "--recursive", dir); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, a.stderr)
	}
	want := filepath.Join(dir, "a.hcl") + "\n" + filepath.Join(dir, "sub", "c.hcl") + "\n"
	if a.stdout.String() != want {
		t.Errorf("stdout %q, want %q", a.stdout, want)
	}
	for name, want := range map[string]string{"a.hcl": tidy, "sub/c.hcl": tidy, ".git/d.hcl": untidy, "e.txt": untidy} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "a.hcl"))
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode of a rewritten file is %v, %v", info.Mode(), err)
	}
}

func TestFmtChecks(t *testing.T) {
	dir := layout(t, map[string]string{"a.hcl": untidy, "sub/c.hcl": untidy})
	a := newTestApp(t)
	if code := a.run(t, "fmt", "--check", "--diff", dir); code != exitError {
		t.Errorf("exit code %d, want %d", code, exitError)
	}
	for _, want := range []string{"a.hcl\n", "-adapter=\"./a.py\"\n", "+  adapter = \"./a.py\"\n"} {
		if !strings.Contains(a.stdout.String(), want) {
			t.Errorf("stdout %q, want %q", a.stdout, want)
		}
	}
	if strings.Contains(a.stdout.String(), "c.hcl") {
		t.Error("without --recursive a directory below was looked at")
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a.hcl")); err != nil || string(got) != untidy {
		t.Errorf("--check wrote %q, %v", got, err)
	}
}

func TestFmtStdin(t *testing.T) {
	a := newTestApp(t)
	a.Stdin = strings.NewReader(untidy)
	if code := a.run(t, "fmt", "-"); code != exitOK || a.stdout.String() != tidy {
		t.Errorf("exit code %d, stdout %q, want %q", code, a.stdout, tidy)
	}
	b := newTestApp(t)
	b.Stdin = strings.NewReader("pool {{{")
	if code := b.run(t, "fmt", "-"); code != exitError || b.stdout.String() != "" {
		t.Errorf("exit code %d, stdout %q for what is no HCL", code, b.stdout)
	}
}
