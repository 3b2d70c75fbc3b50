package runtime_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/runtime"
	"github.com/snakectl/snakectl/test/harness"
)

// project is a configuration's directory with wheels, and a store.
type project struct {
	t     *testing.T
	root  string
	store runtime.Store
}

func newProject(t *testing.T) project {
	t.Helper()
	return project{t, t.TempDir(), runtime.Store{Dir: filepath.Join(t.TempDir(), "runtimes")}}
}

// wheel adds a wheel and returns its hash.
func (p project) wheel(name, version, code string, requires ...string) string {
	p.t.Helper()
	path, err := harness.Wheel(filepath.Join(p.root, "wheels"), name, version, map[string]string{name + ".py": code}, requires...)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (p project) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// spec is a runtime of the project that uses no index.
func (p project) spec(installer string) pool.RuntimeSpec {
	return pool.RuntimeSpec{Interpreter: "python3", FindLinks: []string{"wheels"}, Offline: true, Installer: installer}
}

func (p project) locked() pool.RuntimeSpec {
	spec := p.spec(pool.InstallerPip)
	spec.Requirements = "requirements.txt"
	return spec
}

func (p project) resolve(spec pool.RuntimeSpec) (pool.Runtime, error) {
	return runtime.Resolve(p.t.Context(), pool.Runtime{Name: "runtime.python.app", Declared: spec}, p.root, nil)
}

func (p project) mustResolve(spec pool.RuntimeSpec) pool.Runtime {
	p.t.Helper()
	rt, err := p.resolve(spec)
	if err != nil {
		p.t.Fatal(err)
	}
	return rt
}

func (p project) build(rt pool.Runtime) (bool, error) {
	return p.store.Build(p.t.Context(), rt, func(runtime.Progress) {})
}

// empty makes sure that the store holds no environment and nothing of a failed build.
func (p project) empty() {
	p.t.Helper()
	entries, err := os.ReadDir(p.store.Dir)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			p.t.Errorf("the store holds %s, want nothing", e.Name())
		}
	}
}

func (p project) python(rt pool.Runtime, code string) string {
	p.t.Helper()
	out, err := exec.CommandContext(p.t.Context(), p.store.Python(rt), "-I", "-c", code).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestBuild(t *testing.T) {
	installers := []string{pool.InstallerPip}
	if _, err := exec.LookPath("uv"); err == nil {
		installers = append(installers, pool.InstallerUV)
	}
	for _, installer := range installers {
		t.Run(installer, func(t *testing.T) {
			p := newProject(t)
			base := p.wheel("base", "1.5", "VALUE = 1\ndef fail(): raise ValueError('here')\n")
			tool := p.wheel("tool", "2.0", "import base\nVALUE = base.VALUE + 1\n", "base>=1")
			p.write("requirements.txt", "# two packages\n-r more/base.txt\ntool==2.0 \\\n    --hash=sha256:"+tool+"\n")
			p.write("more/base.txt", "base==1.5 --hash=sha256:"+base+"\n")
			spec := p.spec(installer)
			spec.Requirements = "requirements.txt"
			rt := p.mustResolve(spec)
			if env := rt.Environment; env == nil || env.Named != 2 || !env.Hashed || len(env.Files) != 2 || rt.Fingerprint != env.Key {
				t.Fatalf("Resolve = %+v with %+v", rt, rt.Environment)
			}
			var phases []runtime.Phase
			built, err := p.store.Build(t.Context(), rt, func(pr runtime.Progress) { phases = append(phases, pr.Phase) })
			if err != nil || !built || !p.store.Has(rt.Environment.Key) {
				t.Fatalf("Build = %v, %v", built, err)
			}
			for _, want := range []runtime.Phase{runtime.PhaseCreating, runtime.PhaseResolving, runtime.PhaseInstalling, runtime.PhaseCompiling} {
				if !slices.Contains(phases, want) {
					t.Errorf("phases = %v, want %s", phases, want)
				}
			}
			if got := p.python(rt, "import tool, sys; print(tool.VALUE, sys.prefix)"); got != "2 "+p.store.Path(rt.Environment.Key) {
				t.Errorf("the environment says %q", got)
			}
			// Tracebacks name the place where the environment lies, not where it was built.
			if got := p.python(rt, "import base; print(base.fail.__code__.co_filename)"); !strings.HasPrefix(got, p.store.Path(rt.Environment.Key)) {
				t.Errorf("compiled code names %s", got)
			}
			if built, err := p.build(rt); built || err != nil {
				t.Errorf("a second Build = %v, %v, want nothing to do", built, err)
			}
			list, err := p.store.List()
			if err != nil || len(list) != 1 || list[0].Installer != installer || strings.Join(list[0].Packages, " ") != "base==1.5 tool==2.0" {
				t.Errorf("List = %+v, %v", list, err)
			}
		})
	}
}

// An index that does not answer is no want of a wheel.
func TestBuildWithoutIndex(t *testing.T) {
	t.Setenv("NO_PROXY", "127.0.0.1")
	config := filepath.Join(t.TempDir(), "pip", "pip.conf")
	if err := os.MkdirAll(filepath.Dir(config), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("[global]\nretries = 1\nindex-url = http://127.0.0.1:1/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CONFIG_HOME", filepath.Dir(filepath.Dir(config)))
	p := newProject(t)
	p.wheel("base", "1.0", "")
	p.write("requirements.txt", "numpy==2.4.6\n")
	spec := p.locked()
	spec.Offline = false
	_, err := p.build(p.mustResolve(spec))
	var failed *runtime.InstallError
	if !errors.As(err, &failed) || !strings.HasPrefix(failed.Hint, "The package index does not answer.") {
		t.Errorf("Build = %v, want that the index does not answer", err)
	}
}

// Packages are compiled while they are installed, but for their tests, wherever the
// environment lies.
func TestBuildCompiles(t *testing.T) {
	p := newProject(t)
	p.store.Dir = filepath.Join(t.TempDir(), "tests", "runtimes")
	files := map[string]string{"big/__init__.py": "", "big/tests/__init__.py": ""}
	if _, err := harness.Wheel(filepath.Join(p.root, "wheels"), "big", "1.0", files); err != nil {
		t.Fatal(err)
	}
	p.write("requirements.txt", "big==1.0\n")
	rt := p.mustResolve(p.locked())
	if _, err := p.build(rt); err != nil {
		t.Fatal(err)
	}
	compiled := "import importlib.util as u, os; print(*(os.path.exists(u.cache_from_source(u.find_spec(n).origin)) for n in ('big', 'big.tests')))"
	if got := p.python(rt, "import sys; sys.dont_write_bytecode = True; "+compiled); got != "True False" {
		t.Errorf("a package and its tests are compiled: %s, want True False", got)
	}
}

// What decides the key, and what does not.
func TestKey(t *testing.T) {
	p := newProject(t)
	p.wheel("base", "1.5", "VALUE = 1\n")
	p.write("requirements.txt", "-r sub/more.txt\n-c limits.txt\n")
	p.write("sub/more.txt", "base\n")
	p.write("limits.txt", "base<2\n")
	key := func() string { return p.mustResolve(p.locked()).Environment.Key }
	first := key()
	if again := key(); again != first {
		t.Errorf("key = %s, then %s", first, again)
	}
	seen := map[string]string{first: "at first"}
	changed := func(what string) {
		t.Helper()
		if other := seen[key()]; other != "" {
			t.Errorf("%s: the key is the one %s", what, other)
		}
		seen[key()] = what
	}
	p.write("limits.txt", "base<3\n")
	changed("another constraint")
	p.write("sub/more.txt", "base>1\n")
	changed("another included file")
	p.wheel("base", "1.6", "VALUE = 2\n")
	changed("another wheel")
	p.wheel("base", "1.6", "VALUE = 3\n")
	changed("another content of a wheel")
	spec := p.locked()
	spec.AllowSdist = true
	if k := p.mustResolve(spec).Environment.Key; seen[k] != "" {
		t.Errorf("allow_sdist does not change the key")
	}
	spec = p.locked()
	spec.Offline = false
	if k := p.mustResolve(spec).Environment.Key; k != key() {
		t.Error("offline changes the key: it says where packages come from, not which")
	}
}

func TestBadRequirements(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an include that is missing", "base\n\n-r gone.txt\n", "requirements.txt line 3: -r gone.txt: there is no file gone.txt"},
		{"an include of itself", "-r requirements.txt\n", "requirements.txt line 1: -r requirements.txt: requirements.txt includes itself"},
		{"an include outside", "-c ../other.txt\n", "lies outside the configuration's directory"},
		{"an include of a URL", "-r https://example.com/r.txt\n", "the configuration's directory alone"},
		{"an editable", "# one\n-e ./src\n", "requirements.txt line 2: -e ./src"},
		{"a local path", "./base-1.0-py3-none-any.whl\n", "requirements.txt line 1: ./base-1.0-py3-none-any.whl: a local path"},
		{"a local URL", "base @ file:///tmp/base.whl\n", "a local path"},
		{"find-links", "--find-links=wheels\n", "write find_links into the runtime's block"},
		{"no-binary", "--no-binary :all:\nbase\n", "unless allow_sdist"},
		{"nothing", "# nothing\n", "requirements.txt names no package"},
		{"a continued include", "-r \\\n  gone.txt\n", "requirements.txt line 1: -r gone.txt"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newProject(t)
			p.write("requirements.txt", tt.text)
			p.write("wheels/none", "")
			_, err := p.resolve(p.locked())
			var wrong *runtime.PackagesError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Resolve = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestBuildFailures(t *testing.T) {
	tests := []struct {
		name  string
		setup func(project)
		want  []string
	}{
		{"a wrong hash", func(p project) {
			p.wheel("base", "1.5", "")
			p.write("requirements.txt", "base==1.5 --hash=sha256:"+strings.Repeat("0", 64)+"\n")
		}, []string{"HASHES", "do not trust the file"}},
		{"a package without a hash beside one that has one", func(p project) {
			hash := p.wheel("base", "1.5", "")
			p.wheel("other", "1.0", "")
			p.write("requirements.txt", "base==1.5 --hash=sha256:"+hash+"\nother==1.0\n")
		}, []string{"other==1.0", "all must have one"}},
		{"a package without a wheel", func(p project) {
			p.write("wheels/base-1.5.tar.gz", "not looked at")
			p.write("requirements.txt", "base==1.5\n")
		}, []string{"No matching distribution found for base==1.5", "allow_sdist"}},
		{"a requirement that nobody understands", func(p project) {
			p.write("requirements.txt", "base [[[\n")
		}, []string{"pip failed", "requirements.txt"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newProject(t)
			p.write("wheels/none", "")
			tt.setup(p)
			rt := p.mustResolve(p.locked())
			built, err := p.build(rt)
			if built || err == nil {
				t.Fatalf("Build = %v, %v, want an error", built, err)
			}
			for _, want := range append(tt.want, "runtime.python.app") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Build = %v, want %q in it", err, want)
				}
			}
			p.empty()
		})
	}
}

// What changed between the plan and the build is not installed.
func TestBuildOfAnotherPlan(t *testing.T) {
	p := newProject(t)
	p.wheel("base", "1.5", "")
	p.write("requirements.txt", "base\n")
	rt := p.mustResolve(p.locked())
	p.write("requirements.txt", "base==1.5\n")
	if _, err := p.build(rt); !errors.Is(err, runtime.ErrChanged) {
		t.Errorf("Build with other requirements = %v, want ErrChanged", err)
	}
	rt = p.mustResolve(p.locked())
	p.wheel("base", "1.5", "EVIL = 1\n")
	if _, err := p.build(rt); !errors.Is(err, runtime.ErrChanged) {
		t.Errorf("Build with another wheel = %v, want ErrChanged", err)
	}
	p.empty()
}

// Six builders of one environment build it once.
func TestBuildOnce(t *testing.T) {
	p := newProject(t)
	p.wheel("base", "1.5", "")
	spec := p.spec(pool.InstallerPip)
	spec.Packages = []string{"base"}
	rt := p.mustResolve(spec)
	var times atomic.Int32
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			built, err := p.build(rt)
			if err != nil {
				t.Errorf("Build = %v", err)
			}
			if built {
				times.Add(1)
			}
		})
	}
	all.Wait()
	if times.Load() != 1 || !p.store.Has(rt.Environment.Key) {
		t.Errorf("it was built %d times", times.Load())
	}
}

// A build that is given up leaves nothing, also the one that waits for another.
func TestBuildGivenUp(t *testing.T) {
	p := newProject(t)
	p.wheel("base", "1.5", "")
	spec := p.spec(pool.InstallerPip)
	spec.Packages = []string{"base"}
	rt := p.mustResolve(spec)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := p.store.Build(ctx, rt, func(pr runtime.Progress) {
		if pr.Phase == runtime.PhaseResolving {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Build = %v, want context.Canceled", err)
	}
	p.empty()
}

// An environment that is held, or named, is not removed; what a killed build has left is.
func TestGC(t *testing.T) {
	p := newProject(t)
	p.wheel("base", "1.5", "")
	p.wheel("other", "1.0", "")
	var rts []pool.Runtime
	for _, name := range []string{"base", "other"} {
		spec := p.spec(pool.InstallerPip)
		spec.Packages = []string{name}
		rt := p.mustResolve(spec)
		if _, err := p.build(rt); err != nil {
			t.Fatal(err)
		}
		rts = append(rts, rt)
	}
	held, err := p.store.Hold(t.Context(), rts[0].Environment.Key)
	if err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(p.store.Dir, ".new-"+rts[0].Environment.Key+"-1234")
	lost := filepath.Join(p.store.Dir, ".new-"+strings.Repeat("ab", 32)+"-1234")
	for _, dir := range []string{half, lost} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	gc := func(keep map[string]bool, dry bool) string {
		t.Helper()
		gone, err := p.store.GC(keep, dry)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, b := range gone {
			names = append(names, b.Packages...)
		}
		return fmt.Sprint(names)
	}
	if got := gc(map[string]bool{rts[1].Environment.Key: true}, false); got != "[]" {
		t.Errorf("GC of held and named ones = %s", got)
	}
	if _, err := os.Stat(lost); err == nil {
		t.Error("what a killed build left is still there")
	}
	if got := gc(nil, true); got != "[other==1.0]" || !p.store.Has(rts[1].Environment.Key) {
		t.Errorf("a dry GC = %s, and it is there: %v", got, p.store.Has(rts[1].Environment.Key))
	}
	if got := gc(nil, false); got != "[other==1.0]" || p.store.Has(rts[1].Environment.Key) {
		t.Errorf("GC = %s, and it is there: %v", got, p.store.Has(rts[1].Environment.Key))
	}
	held.Close()
	if got := gc(nil, false); got != "[base==1.5]" {
		t.Errorf("GC after the last use = %s", got)
	}
	p.empty()
}
