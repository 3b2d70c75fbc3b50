package runtime_test

import (
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
)

// What a lock names is installed with its hashes, and nothing else, whatever of it is
// for this Python.
func TestBuildFromPylock(t *testing.T) {
	p := newProject(t)
	base := p.wheel("base", "1.5", "VALUE = 1\n")
	tool := p.wheel("tool", "2.0", "import base\nVALUE = base.VALUE + 1\n", "base>=1", "unlocked")
	p.write("pylock.toml", `lock-version = "1.0"
created-by = "somebody"

[[packages]]
name = "base"
version = "1.5"
wheels = [{name = "base-1.5-py3-none-any.whl", url = "https://localhost/base-1.5-py3-none-any.whl", hashes = {sha256 = "`+base+`"}}]

[[packages]]
name = "tool"
version = "2.0"
marker = "python_version >= '3'"

[[packages.wheels]]
path = "wheels/tool-2.0-py3-none-any.whl"
hashes = {sha256 = "`+tool+`"}

[[packages]]
name = "elsewhere"
version = "1.0"
marker = "sys_platform == 'nowhere'"
wheels = [{name = "elsewhere-1.0-py3-none-any.whl", hashes = {sha256 = "00"}}]
`)
	spec := p.spec(pool.InstallerPip)
	spec.Requirements = "pylock.toml"
	rt := p.mustResolve(spec)
	if env := rt.Environment; env.Named != 3 || !env.Hashed || len(env.Files) != 1 {
		t.Fatalf("Resolve = %+v, want 3 packages with hashes in 1 file", env)
	}
	if _, err := p.build(rt); err != nil {
		t.Fatal(err)
	}
	if got := p.python(rt, "import tool; print(tool.VALUE)"); got != "2" {
		t.Errorf("the environment says %q, want 2", got)
	}

	p.write("pylock.toml", strings.ReplaceAll(`lock-version = "1.0"
packages = []
[[packages]]
name = "tool"
version = "2.0"
wheels = [{hashes = {sha256 = "HASH"}}]
`, "packages = []\n", ""))
	if _, err := p.build(p.mustResolve(spec)); err == nil || !strings.Contains(err.Error(), "HASH") {
		t.Errorf("Build with a wrong hash = %v, want its name", err)
	}
}

// What cannot be read fails the build alone, and says why.
func TestBuildFromWrongTOML(t *testing.T) {
	const entry = "lock-version = \"1.0\"\n[[packages]]\nname = \"base\"\n"
	tests := []struct{ name, file, text, want string }{
		{"no TOML", "pylock.toml", "[[packages]]\nname base\n", "pylock.toml: Expected '=' after a key"},
		{"another version", "pylock.toml", "lock-version = \"7.0\"\n[[packages]]\n", "its lock-version is '7.0'"},
		{"no wheel", "pylock.toml", entry + "version = \"1.5\"\n", "base has no wheel with a version and a sha256"},
		{"a directory", "pylock.toml", entry + "directory = {path = \".\"}\n", "base has no wheel with a version and a sha256"},
		{"a group", "pylock.dev.toml", entry + "marker = \"'dev' in dependency_groups\"\n", "base is for some extras or groups alone"},
		{"dynamic", "pyproject.toml", "[project]\nname = \"x\"\ndynamic = [\"dependencies\"]\n", "its dependencies are dynamic"},
		{"nothing", "pyproject.toml", "[project]\nname = \"x\"\n", "[project] has no dependencies"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newProject(t)
			p.wheel("base", "1.5", "")
			p.write(tt.file, tt.text)
			spec := p.spec(pool.InstallerPip)
			spec.Requirements = tt.file
			if tt.file == "pyproject.toml" {
				spec.Requirements, spec.Pyproject = "", "."
			}
			if _, err := p.build(p.mustResolve(spec)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Build = %v, want %q", err, tt.want)
			}
			p.empty()
		})
	}
	p := newProject(t)
	p.wheel("base", "1.5", "")
	p.write("pylock.toml", "lock-version = \"1.0\"\n")
	spec := p.spec(pool.InstallerPip)
	spec.Requirements = "pylock.toml"
	if _, err := p.resolve(spec); err == nil || !strings.Contains(err.Error(), "pylock.toml names no package") {
		t.Errorf("Resolve of an empty lock = %v, want that it names no package", err)
	}
}

// The dependencies of a project are installed with what they need, for every Python.
func TestBuildFromPyproject(t *testing.T) {
	for _, interpreter := range []string{"python3", "python3.9"} {
		t.Run(interpreter, func(t *testing.T) {
			p := newProject(t)
			p.wheel("base", "1.5", "VALUE = 1\n")
			p.wheel("tool", "2.0", "import base\nVALUE = base.VALUE + 1\n", "base>=1")
			p.write("app/pyproject.toml", "[project]\nname = \"app\"\ndependencies = [\n  \"tool>=1\",  # needs base\n]\n")
			spec := p.spec(pool.InstallerPip)
			spec.Interpreter, spec.Version, spec.Pyproject = "", strings.TrimPrefix(interpreter, "python"), "app"
			rt, err := p.resolve(spec)
			if err != nil && interpreter != "python3" {
				t.Skipf("this machine has no Python %s", spec.Version)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.build(rt); err != nil {
				t.Fatal(err)
			}
			if got := p.python(rt, "import tool; print(tool.VALUE)"); got != "2" {
				t.Errorf("the environment says %q, want 2", got)
			}
		})
	}
}
