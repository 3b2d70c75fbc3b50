package runtime_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/library"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/runtime"
	"github.com/snakectl/snakectl/test/harness"
)

// files adds a wheel with any files.
func (p project) files(name, version string, files map[string]string) {
	p.t.Helper()
	if _, err := harness.Wheel(filepath.Join(p.root, "wheels"), name, version, files); err != nil {
		p.t.Fatal(err)
	}
}

func (p project) survey(rt pool.Runtime) runtime.Survey {
	p.t.Helper()
	s, err := p.store.Survey(p.t.Context(), rt)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func TestSurvey(t *testing.T) {
	p := newProject(t)
	p.files("Fast_Sums", "1.5", map[string]string{
		"fast_sums/__init__.py": "", "fast_sums/_core.cpython-311-x86_64-linux-gnu.so": "x", "fast_sums/lib.cpython-311-x86_64-linux-gnu.so": "x",
		"fast_sums/libblas.so": "x", "fast_sums.libs/libgomp-1234.so.1": "x", "other.abi3.so": "x", "single.py": "",
	})
	p.files("plain", "2.0", map[string]string{"plain.py": ""})
	spec := p.spec(pool.InstallerPip)
	spec.Packages = []string{"Fast-Sums==1.5", "plain"}
	rt := p.mustResolve(spec)

	want := runtime.Survey{Libraries: []library.Library{
		{Name: "fast-sums", Version: "1.5", Wheel: "Fast_Sums-1.5-py3-none-any.whl"},
		{Name: "plain", Wheel: "plain-2.0-py3-none-any.whl"},
	}}
	if diff := cmp.Diff(want, p.survey(rt)); diff != "" {
		t.Errorf("before it is built (-want +got):\n%s", diff)
	}
	if _, err := p.build(rt); err != nil {
		t.Fatal(err)
	}
	want = runtime.Survey{Installed: true, Libraries: []library.Library{
		{
			Name: "fast-sums", Version: "1.5", Installed: true, Tags: []string{"py3-none-any"}, Modules: []string{"fast_sums", "other", "single"},
			Extensions: []string{"fast_sums/_core.cpython-311-x86_64-linux-gnu.so", "fast_sums/lib.cpython-311-x86_64-linux-gnu.so", "other.abi3.so"},
		},
		{Name: "plain", Version: "2.0", Installed: true, Tags: []string{"py3-none-any"}, Modules: []string{"plain"}},
	}}
	got := p.survey(rt)
	for i := range got.Libraries {
		slices.Sort(got.Libraries[i].Modules)
		slices.Sort(got.Libraries[i].Extensions)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("when it is built (-want +got):\n%s", diff)
	}
}

// TestSurveyOfAFile reads names out of a file of requirements with all that it includes.
func TestSurveyOfAFile(t *testing.T) {
	p := newProject(t)
	hash := p.wheel("base", "1.5", "")
	p.write("requirements.txt", "-r more.txt\nExtra_Name[fast,small] == 2.1.0 ; python_version > \"3\" \\\n  --hash=sha256:"+hash+"\nloose>=3\n")
	p.write("more.txt", "# a comment\nbase==1.5 --hash=sha256:"+hash+"\n")
	got := p.survey(p.mustResolve(p.locked()))
	want := runtime.Survey{Libraries: []library.Library{
		{Name: "base", Version: "1.5", Wheel: "base-1.5-py3-none-any.whl"}, {Name: "extra-name", Version: "2.1.0"}, {Name: "loose"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Survey (-want +got):\n%s", diff)
	}
}

// TestSurveyOfAVirtualEnvironment reads what somebody else installed.
func TestSurveyOfAVirtualEnvironment(t *testing.T) {
	p := newProject(t)
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal(err)
	}
	venv := filepath.Join(p.root, "venv")
	if out, err := exec.CommandContext(t.Context(), python, "-m", "venv", "--without-pip", venv).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sites, err := filepath.Glob(filepath.Join(venv, "lib", "python*", "site-packages"))
	if err != nil || len(sites) != 1 {
		t.Fatalf("site-packages: %v, %v", sites, err)
	}
	for name, text := range map[string]string{
		"numpy-2.4.6.dist-info/METADATA": "Name: numpy\nClassifier: Programming Language :: Python :: Free Threading :: 3 - Stable\n\nClassifier: Programming Language :: Python :: Free Threading :: 9 - Text\n",
		"numpy-2.4.6.dist-info/WHEEL":    "Tag: cp313-cp313t-linux_x86_64\n", "numpy-2.4.6.dist-info/RECORD": "numpy/__init__.py,,\n../../../bin/f2py,,\n",
		"old_thing-0.9.egg-info/PKG-INFO": "Name: old_thing\n",
	} {
		path := filepath.Join(sites[0], name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rt := p.mustResolve(pool.RuntimeSpec{Interpreter: filepath.Join(venv, "bin", "python")})
	want := []library.Library{
		{Name: "numpy", Version: "2.4.6", Installed: true, Tags: []string{"cp313-cp313t-linux_x86_64"}, FreeThreading: "3 - Stable", Modules: []string{"numpy"}},
		{Name: "old-thing", Version: "0.9", Installed: true},
	}
	if diff := cmp.Diff(want, p.survey(rt).Libraries); diff != "" {
		t.Errorf("Survey (-want +got):\n%s", diff)
	}
}

// extension is the source of an extension module.
const extension = `#include <Python.h>
static PyModuleDef_Slot slots[] = {SLOTS {0, NULL}};
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "NAME", NULL, 0, NULL, slots};
PyMODINIT_FUNC PyInit_NAME(void) { return PyModuleDef_Init(&def); }
`

// compiled returns the bytes of an extension module for a free-threaded Python.
func compiled(t *testing.T, rt pool.Runtime, name, slots string) string {
	t.Helper()
	dir := t.TempDir()
	include, err := exec.CommandContext(t.Context(), rt.Interpreter, "-c", "import sysconfig; print(sysconfig.get_path('include'))").Output()
	if err != nil {
		t.Fatal(err)
	}
	source := strings.NewReplacer("NAME", name, "SLOTS", slots).Replace(extension)
	cmd := exec.CommandContext(t.Context(), "cc", "-shared", "-fPIC", "-I"+strings.TrimSpace(string(include)), "-x", "c", "-o", filepath.Join(dir, "out.so"), "-")
	cmd.Stdin = strings.NewReader(source)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cc: %v: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "out.so"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// freeThreaded returns a free-threaded runtime with packages.
func (p project) freeThreaded(offline bool, packages ...string) pool.Runtime {
	p.t.Helper()
	spec := pool.RuntimeSpec{Version: "3.13t", Packages: packages, Installer: pool.InstallerPip, Offline: offline}
	if offline {
		spec.FindLinks = []string{"wheels"}
	}
	rt, err := p.resolve(spec)
	if err != nil {
		p.t.Skipf("no free-threaded Python was found: %v", err)
	}
	return rt
}

// verdicts judges each library of a runtime as a free-threaded Python sees it.
func verdicts(rt pool.Runtime, s runtime.Survey) map[string]string {
	out := map[string]string{}
	for i := range s.Libraries {
		f, _ := library.Judge(&s.Libraries[i], library.Python{Version: rt.Version, FreeThreaded: true}, library.FreeThreaded)
		out[f.Library] = string(f.Verdict) + ": " + f.Why
	}
	return out
}

func TestProbeGIL(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("there is no C compiler")
	}
	p := newProject(t)
	bare := p.freeThreaded(true)
	const without = "{Py_mod_gil, Py_MOD_GIL_NOT_USED},"
	p.files("willing", "1.0", map[string]string{"willing/__init__.py": "", "willing/_a.so": compiled(t, bare, "_a", without), "willing/tests/test_b.so": compiled(t, bare, "test_b", "")})
	p.files("late", "1.0", map[string]string{"late/__init__.py": "", "late/deep/_core.so": compiled(t, bare, "_core", ""), "late/deep/__init__.py": ""})
	p.files("stable", "1.0", map[string]string{"stable.abi3.so": "not loaded"})
	p.files("broken", "1.0", map[string]string{"broken.so": "no ELF"})
	p.files("crashing", "1.0", map[string]string{"crashing/__init__.py": "import os, sys; print('boom', file=sys.stderr); os.abort()", "crashing/_x.so": compiled(t, bare, "_x", without)})
	p.files("pure", "1.0", map[string]string{"pure.py": ""})
	rt := p.freeThreaded(true, "willing", "late", "stable", "broken", "crashing", "pure")
	if _, err := p.build(rt); err != nil {
		t.Fatal(err)
	}
	s := p.survey(rt)
	if err := p.store.ProbeGIL(t.Context(), rt, &s); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"willing": "fits: the GIL stays off", "late": "unfit: importing it turns the GIL on (late.deep._core)", "pure": "fits: it has no extension module",
		"stable": "unfit: stable.abi3.so is made for the stable ABI", "broken": "care: whether the GIL stays off could not be seen: broken cannot be imported: ImportError",
		"crashing": "care: whether the GIL stays off could not be seen: the process that imported it ended: signal: aborted",
	}
	again := p.survey(rt)
	for _, got := range []map[string]string{verdicts(rt, s), verdicts(rt, again)} {
		for name, verdict := range want {
			if !strings.HasPrefix(got[name], verdict) {
				t.Errorf("%s: %q, want %q", name, got[name], verdict)
			}
		}
	}
	if p := again.Libraries[slices.IndexFunc(again.Libraries, func(l library.Library) bool { return l.Name == "willing" })].Probe; p == nil || p.Imported != 1 {
		t.Errorf("what the probe saw = %+v, want one module that is remembered", p)
	}
}

// TestProbeOfRealWheels installs a package of the index that has wheels for free-threaded Pythons.
func TestProbeOfRealWheels(t *testing.T) {
	if testing.Short() {
		t.Skip("it downloads a package")
	}
	p := newProject(t)
	rt := p.freeThreaded(false, "markupsafe==3.0.3")
	if _, err := p.build(rt); err != nil {
		t.Skipf("the index does not answer: %v", err)
	}
	s := p.survey(rt)
	if err := p.store.ProbeGIL(t.Context(), rt, &s); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(s.Libraries, func(l library.Library) bool { return l.Name == "markupsafe" })
	if i < 0 {
		t.Fatalf("Survey = %+v, want markupsafe", s)
	}
	l := s.Libraries[i]
	if !slices.ContainsFunc(l.Tags, func(tag string) bool { return strings.HasPrefix(tag, "cp313-cp313t-") }) || len(l.Extensions) != 1 || l.Probe == nil || l.Probe.Imported != 1 {
		t.Errorf("markupsafe = %+v, probe %+v", l, l.Probe)
	}
	if got := verdicts(rt, s)["markupsafe"]; !strings.HasPrefix(got, "fits") {
		t.Errorf("markupsafe: %s", got)
	}
}
