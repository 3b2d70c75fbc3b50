package pool_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
)

func launchPool() pool.Pool {
	return pool.Pool{
		Name: "api", Adapter: "./a.py", Size: 2, Env: map[string]string{"A": "1", "B": "2"},
		Config: map[string]any{"x": 1.0, "y": []any{"z"}}, WorkingDir: ".", PythonPath: []string{"."},
		Set:      []string{"adapter", "config", "env", "size"},
		Snapshot: pool.Snapshot{Root: "/one", Hash: "abc", Files: map[string]string{"a.py": "1"}},
	}
}

var launchRuntime = pool.Runtime{Name: "runtime.python.app", Interpreter: "/usr/bin/python3", Version: "3.12.1", Fingerprint: "f"}

// The launch hash changes with what a running process cannot take up, and with
// nothing else.
func TestLaunchHash(t *testing.T) {
	tests := []struct {
		name   string
		change func(*pool.Pool, *pool.Runtime)
		same   bool
	}{
		{"adapter", func(p *pool.Pool, _ *pool.Runtime) { p.Adapter = "./b.py" }, false},
		{"a value of env", func(p *pool.Pool, _ *pool.Runtime) { p.Env["A"] = "2" }, false},
		{"a key of env", func(p *pool.Pool, _ *pool.Runtime) { delete(p.Env, "A") }, false},
		{"config", func(p *pool.Pool, _ *pool.Runtime) { p.Config["x"] = 2.0 }, false},
		{"an attribute that becomes set", func(p *pool.Pool, _ *pool.Runtime) { p.Set = append(p.Set, "working_dir") }, false},
		{"the code", func(p *pool.Pool, _ *pool.Runtime) { p.Snapshot.Hash = "def" }, false},
		{"the runtime", func(_ *pool.Pool, rt *pool.Runtime) { rt.Fingerprint = "g" }, false},
		{"size", func(p *pool.Pool, _ *pool.Runtime) { p.Size = 9 }, true},
		{"the name", func(p *pool.Pool, _ *pool.Runtime) { p.Name, p.Key = "other", "k" }, true},
		{"a live attribute", func(p *pool.Pool, _ *pool.Runtime) { p.Queue.Max = 9; p.Set = append(p.Set, "queue.max") }, true},
		{"a default", func(p *pool.Pool, _ *pool.Runtime) { p.Profile = "other"; p.CodeMode = "other" }, true},
		{"the directory of the checkout", func(p *pool.Pool, _ *pool.Runtime) { p.Snapshot.Root = "/two" }, true},
		{"the order of Set", func(p *pool.Pool, _ *pool.Runtime) { slices.Reverse(p.Set) }, true},
		{"the runtime's path", func(_ *pool.Pool, rt *pool.Runtime) { rt.Interpreter, rt.Name = "/bin/python3", "x" }, true},
	}
	for _, tt := range tests {
		base, rt := launchPool(), launchRuntime
		before := pool.LaunchHash(&base, rt)
		p := launchPool()
		tt.change(&p, &rt)
		if same := pool.LaunchHash(&p, rt) == before; same != tt.same {
			t.Errorf("after a change of %s the hash is the same = %v, want %v", tt.name, same, tt.same)
		}
	}
}

// A trip through JSON, as over the socket and in the state file, keeps the hash.
func TestLaunchHashSurvivesJSON(t *testing.T) {
	p := launchPool()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back pool.Pool
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if got, want := pool.LaunchHash(&back, launchRuntime), pool.LaunchHash(&p, launchRuntime); got != want {
		t.Errorf("hash after JSON = %s, want %s", got, want)
	}
}

func TestHashFiles(t *testing.T) {
	if got := pool.HashFiles(nil); got != "" {
		t.Errorf("HashFiles(nil) = %q, want none", got)
	}
	a := pool.HashFiles(map[string]string{"a": "1", "b": "2"})
	if a != pool.HashFiles(map[string]string{"b": "2", "a": "1"}) {
		t.Error("the order of files changes the hash")
	}
	if a == pool.HashFiles(map[string]string{"a": "2", "b": "1"}) {
		t.Error("swapped contents have the same hash")
	}
}

func TestDefaultPool(t *testing.T) {
	tests := []struct {
		name  string
		pools []pool.Pool
		want  string
	}{
		{"none", nil, ""},
		{"the sole pool", []pool.Pool{{Name: "a"}}, "pool.a"},
		{"two without a mark", []pool.Pool{{Name: "a"}, {Name: "b"}}, ""},
		{"the one named default", []pool.Pool{{Name: "a"}, {Name: "default"}}, "pool.default"},
		{"the marked one", []pool.Pool{{Name: "a", Default: true}, {Name: "default"}}, "pool.a"},
	}
	for _, tt := range tests {
		d := pool.Desired{Pools: tt.pools}
		got := ""
		if p := d.DefaultPool(); p != nil {
			got = p.Address()
		}
		if got != tt.want {
			t.Errorf("%s: DefaultPool = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestDir(t *testing.T) {
	for dir, want := range map[string]string{".": "/one", "work": "/one/work", "/srv/x": "/srv/x"} {
		p := pool.Pool{WorkingDir: dir, Snapshot: pool.Snapshot{Root: "/one"}}
		if got := p.Dir(); got != want {
			t.Errorf("Dir with working_dir %q = %q, want %q", dir, got, want)
		}
	}
}
