package runtime_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/runtime"
)

// versionOf is a runtime that asks for a version.
func versionOf(version string, threaded *bool) pool.Runtime {
	return pool.Runtime{Name: "runtime.python.app", Declared: pool.RuntimeSpec{Version: version, FreeThreaded: threaded}}
}

// alone hides every Python of the machine but those below the root that it returns,
// the root of a pyenv.
func alone(t *testing.T) (pyenv string) {
	t.Helper()
	pyenv = t.TempDir()
	t.Setenv("PYENV_ROOT", pyenv)
	t.Setenv("PYENV_VERSION", "")
	t.Setenv("PYENV_DIR", "")
	t.Setenv("UV_PYTHON_INSTALL_DIR", filepath.Join(pyenv, "uv"))
	t.Setenv("PATH", t.TempDir())
	return pyenv
}

// install puts a link to an interpreter where one would be installed.
func install(t *testing.T, tree, interpreter string) string {
	t.Helper()
	path := filepath.Join(tree, "bin", "python3")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(interpreter, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDiscoverPlacesInOrder(t *testing.T) {
	real := resolve(t, "python3", t.TempDir(), nil)
	series := strings.Join(strings.Split(real.Version, ".")[:2], ".")
	pyenv := alone(t)
	fromPyenv := install(t, filepath.Join(pyenv, "versions", real.Version), real.Interpreter)
	if err := os.Symlink(real.Interpreter, filepath.Join(os.Getenv("PATH"), "python"+series)); err != nil {
		t.Fatal(err)
	}
	check := func(want string) {
		t.Helper()
		rt, err := runtime.Resolve(t.Context(), versionOf(series, nil), t.TempDir(), nil)
		if err != nil || rt.Interpreter != want || rt.Version != real.Version || rt.Fingerprint != real.Fingerprint {
			t.Errorf("Resolve = %+v, %v, want %s", rt, err, want)
		}
	}
	check(fromPyenv)
	check(install(t, filepath.Join(pyenv, "uv", "cpython-"+real.Version), real.Interpreter))
}

// The error tells every candidate, why it lost, and what to do.
func TestDiscoverNobodyHasIt(t *testing.T) {
	real := resolve(t, "python3", t.TempDir(), nil)
	pyenv := alone(t)
	path := install(t, filepath.Join(pyenv, "versions", "one"), real.Interpreter)
	shim := script(t, os.Getenv("PATH"), "python3", "#!/bin/sh\nexit 1\n")
	script(t, os.Getenv("PATH"), "python3.12", "#!/bin/sh\nexit 1\n") // shares the line of the other
	threaded := true
	tests := []struct {
		rt   pool.Runtime
		want []string
	}{
		{versionOf("3.77", nil), []string{`version "3.77"`, "uv python install 3.77", path + ": it is Python " + real.Version + `, and version asks for "3.77"`, shim + ", python3.12: it is a launcher script"}},
		{versionOf("3.77t", nil), []string{"without a GIL", "uv python install 3.77t"}},
		{versionOf("", &threaded), []string{path + ": it is Python " + real.Version + " with a GIL, and one without is asked for", "uv python install 3.14t"}},
	}
	if real.FreeThreaded {
		t.Skip("python3 has no GIL here")
	}
	for _, tt := range tests {
		_, err := runtime.Resolve(t.Context(), tt.rt, t.TempDir(), nil)
		if !errors.Is(err, runtime.ErrNotFound) {
			// A build without a GIL that the machine has in the first place is found.
			if tt.rt.Declared.Version == "" && err == nil {
				continue
			}
			t.Errorf("Resolve(%+v) = %v, want ErrNotFound", tt.rt.Declared, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Resolve(%+v) = %v, want %q in it", tt.rt.Declared, err, want)
			}
		}
	}
}

// An interpreter that is named as well must be what version asks for.
func TestVersionChecksTheInterpreter(t *testing.T) {
	real := resolve(t, "python3", t.TempDir(), nil)
	rt := versionOf(real.Version, nil)
	rt.Declared.Interpreter = real.Interpreter
	if got, err := runtime.Resolve(t.Context(), rt, t.TempDir(), nil); err != nil || got.Version != real.Version {
		t.Errorf("Resolve = %+v, %v", got, err)
	}
	rt.Declared.Version = "3.77"
	if _, err := runtime.Resolve(t.Context(), rt, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), `version asks for "3.77"`) {
		t.Errorf("Resolve = %v, want the version in the error", err)
	}
}

// A shim of pyenv is asked once for each set of what decides what it stands for.
func TestShimIsAskedOnce(t *testing.T) {
	real := resolve(t, "python3", t.TempDir(), nil)
	pyenv, root := alone(t), t.TempDir()
	asked := filepath.Join(t.TempDir(), "asked")
	text := fmt.Sprintf("#!/bin/sh\n# as pyenv's: pyenv exec python3\necho x >>%q\n[ -z \"$PYENV_VERSION\" ] || exit 3\nexec %q \"$@\"\n", asked, real.Interpreter)
	shim := script(t, root, "python3", text)
	cache := runtime.OpenCache(filepath.Join(root, "cache.json"))
	times := func() int {
		b, err := os.ReadFile(asked)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(b), "x")
	}
	want := 0
	check := func(what string, asks bool) {
		t.Helper()
		if asks {
			want++
		}
		rt, err := runtime.Resolve(t.Context(), declare(shim), root, cache)
		if err != nil || rt.Interpreter != real.Interpreter || times() != want {
			t.Errorf("%s: Resolve = %s, %v after %d questions, want %s after %d", what, rt.Interpreter, err, times(), real.Interpreter, want)
		}
	}
	check("at first", true)
	check("again", false)
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(root, ".python-version"), "3.12\n")
	check("another .python-version", true)
	write(filepath.Join(pyenv, "version"), "3.11\n")
	check("another version file", true)
	check("nothing new", false)
	if err := os.MkdirAll(filepath.Join(pyenv, "versions", "3.12.9"), 0o755); err != nil {
		t.Fatal(err)
	}
	check("another installation", true)
	t.Setenv("PATH", os.Getenv("PATH")+":/nowhere")
	check("another PATH", true)
	t.Setenv("PYENV_VERSION", "2.7")
	if _, err := runtime.Resolve(t.Context(), declare(shim), root, cache); err == nil {
		t.Error("another PYENV_VERSION was not asked about")
	}
}
