package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestNewAdapterIsClean checks what `new adapter` and `init` write with the linter and
// the type checker that check this repository's own Python.
func TestNewAdapterIsClean(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(root, ".bin", "py", "bin")
	if _, err := os.Stat(filepath.Join(tools, "mypy")); err != nil {
		t.Skip("ruff and mypy are not installed: scripts/lint_python.sh installs them")
	}
	dir := t.TempDir()
	a := &App{Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}}
	if err := a.writeScaffold(filepath.Join(dir, "shop"), newAdapterFiles, "shop"); err != nil {
		t.Fatal(err)
	}
	if err := a.writeScaffold(filepath.Join(dir, "hello"), scaffoldFiles, ""); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(root, "python", "pyproject.toml")
	for _, argv := range [][]string{
		{"ruff", "check", "--no-cache", "--config", config, "."},
		{"ruff", "format", "--no-cache", "--check", "--config", config, "."},
		{"mypy", "--strict", "--python-version=3.9", "--cache-dir=" + os.DevNull, "shop"},
		{"mypy", "--strict", "--python-version=3.9", "--cache-dir=" + os.DevNull, "hello"},
	} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(tools, argv[0]), argv[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "MYPYPATH="+filepath.Join(root, "python"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", argv, err, out)
		}
	}
}
