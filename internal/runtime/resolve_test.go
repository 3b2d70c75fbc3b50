package runtime_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/runtime"
)

// declare is a runtime that names an interpreter.
func declare(interpreter string) pool.Runtime {
	return pool.Runtime{Name: "runtime.python.app", Declared: pool.RuntimeSpec{Interpreter: interpreter}}
}

func resolve(t *testing.T, interpreter, root string, cache *runtime.Cache) pool.Runtime {
	t.Helper()
	rt, err := runtime.Resolve(t.Context(), declare(interpreter), root, cache)
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

func script(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestResolvePython3(t *testing.T) {
	rt := resolve(t, "python3", t.TempDir(), nil)
	if rt.Name != "runtime.python.app" || !filepath.IsAbs(rt.Interpreter) {
		t.Errorf("Resolve = %+v, want a name and an absolute path", rt)
	}
	if !regexp.MustCompile(`^3\.\d+\.\d+$`).MatchString(rt.Version) || len(rt.Fingerprint) != 64 {
		t.Errorf("version = %q, fingerprint = %q", rt.Version, rt.Fingerprint)
	}
	// What is resolved starts directly: no launcher script is left in between.
	head, err := os.ReadFile(rt.Interpreter)
	if err != nil || strings.HasPrefix(string(head[:2]), "#!") {
		t.Errorf("%s begins with %q, %v, want a binary", rt.Interpreter, head[:2], err)
	}
	out, err := exec.CommandContext(t.Context(), rt.Interpreter, "-I", "-c", "import platform; print(platform.python_version())").Output()
	if err != nil || strings.TrimSpace(string(out)) != rt.Version {
		t.Errorf("the interpreter says %q, %v, want %q", out, err, rt.Version)
	}
}

func TestResolveLinksAndScripts(t *testing.T) {
	root := t.TempDir()
	plain := resolve(t, "python3", root, nil)
	if err := os.Symlink(plain.Interpreter, filepath.Join(root, "py")); err != nil {
		t.Fatal(err)
	}
	link := resolve(t, "./py", root, nil)
	if want := filepath.Join(root, "py"); link.Interpreter != want || link.Fingerprint != plain.Fingerprint {
		t.Errorf("a link: %+v, want path %s and the fingerprint of %s", link, want, plain.Interpreter)
	}
	shim := script(t, root, "shim", "#!/bin/sh\nexec '"+plain.Interpreter+"' \"$@\"\n")
	if got := resolve(t, shim, root, nil); got.Interpreter != plain.Interpreter || got.Fingerprint != plain.Fingerprint {
		t.Errorf("a shim: %+v, want %+v", got, plain)
	}
}

func TestResolveVirtualEnvironments(t *testing.T) {
	root := t.TempDir()
	plain := resolve(t, "python3", root, nil)
	for _, name := range []string{"a", "b"} {
		cmd := exec.CommandContext(t.Context(), plain.Interpreter, "-m", "venv", "--without-pip", "--symlinks", filepath.Join(root, name))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("this Python makes no virtual environments: %v\n%s", err, out)
		}
	}
	a, b := resolve(t, "./a/bin/python", root, nil), resolve(t, "./b/bin/python", root, nil)
	if want := filepath.Join(root, "a", "bin", "python"); a.Interpreter != want {
		t.Errorf("interpreter = %s, want the path inside the environment, %s", a.Interpreter, want)
	}
	if a.Fingerprint == b.Fingerprint || a.Fingerprint == plain.Fingerprint {
		t.Error("two environments of one interpreter have the same fingerprint")
	}
}

func TestResolveErrors(t *testing.T) {
	root := t.TempDir()
	script(t, root, "mute", "#!/bin/sh\nexit 0\n")
	script(t, root, "broken", "#!/bin/sh\necho 'no such version' >&2\nexit 127\n")
	script(t, root, "old", "#!/bin/sh\n"+`echo '{"executable":"/bin/sh","version":[3,8,1],"implementation":"cpython"}'`+"\n")
	script(t, root, "pypy", "#!/bin/sh\n"+`echo '{"executable":"/bin/sh","version":[3,10,1],"implementation":"pypy"}'`+"\n")
	if err := os.WriteFile(filepath.Join(root, "text"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ interpreter, want string }{
		{"no-such-python-anywhere", `there is no "no-such-python-anywhere" on the PATH`},
		{"./missing", "there is no such file"},
		{".", "on the PATH"},
		{"./", "it is a directory"},
		{"./text", "not executable"},
		{"./mute", "did not answer as Python does"},
		{"./broken", "exit status 127: no such version"},
		{"./old", "it is Python 3.8.1; workers need 3.9 or later"},
		{"./pypy", "it is pypy 3.10.1; workers need CPython"},
	}
	for _, tt := range tests {
		_, err := runtime.Resolve(t.Context(), declare(tt.interpreter), root, nil)
		if !errors.Is(err, runtime.ErrNotFound) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "runtime.python.app") {
			t.Errorf("Resolve(%q) = %v, want ErrNotFound with %q and the runtime's name", tt.interpreter, err, tt.want)
		}
	}
}

// A candidate that does not work gives way to the next one on the PATH.
func TestResolveTriesThePath(t *testing.T) {
	good := resolve(t, "python3", t.TempDir(), nil)
	first, second := t.TempDir(), t.TempDir()
	script(t, first, "python-x", "#!/bin/sh\nexit 127\n")
	if err := os.Symlink(good.Interpreter, filepath.Join(second, "python-x")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", strings.Join([]string{first, "relative", second, os.Getenv("PATH")}, string(filepath.ListSeparator)))
	if got := resolve(t, "python-x", t.TempDir(), nil); got.Interpreter != filepath.Join(second, "python-x") {
		t.Errorf("interpreter = %s, want the second of the PATH", got.Interpreter)
	}
}

func TestResolveHonoursCancellation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runtime.Resolve(ctx, declare("python3"), t.TempDir(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Resolve = %v, want context.Canceled", err)
	}
}

func TestCacheAsksOnce(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "cache", "interpreters.json")
	real := resolve(t, "python3", root, nil)
	if err := os.Symlink(real.Interpreter, filepath.Join(root, "py")); err != nil {
		t.Fatal(err)
	}
	cache := runtime.OpenCache(path)
	first := resolve(t, "./py", root, cache)
	if err := cache.Save(); err != nil {
		t.Fatal(err)
	}
	// The cache answers even when nothing could be started any more.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	again, err := runtime.Resolve(ctx, declare("./py"), root, runtime.OpenCache(path))
	if err != nil || !reflect.DeepEqual(again, first) {
		t.Errorf("from the cache: %+v, %v, want %+v", again, err, first)
	}
	// Another file under the same path is asked again.
	if err := os.Remove(filepath.Join(root, "py")); err != nil {
		t.Fatal(err)
	}
	script(t, root, "py", "#!/bin/sh\nexit 3\n")
	if _, err := runtime.Resolve(t.Context(), declare("./py"), root, runtime.OpenCache(path)); err == nil {
		t.Error("Resolve of a replaced interpreter = nil, want an error")
	}
	// A damaged cache is an empty one.
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := resolve(t, real.Interpreter, root, runtime.OpenCache(path)); got.Fingerprint != first.Fingerprint {
		t.Errorf("fingerprint = %s, want %s", got.Fingerprint, first.Fingerprint)
	}
}
