package spec_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/spec"
)

// write lays out a configuration: path -> content. Each has an adapter a.py.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files["a.py"] = ""
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var host = &spec.Host{CPUs: 8, Memory: 1 << 30, Hostname: "box"}

func load(t *testing.T, dir string, opts spec.Options) (*spec.Config, spec.Diagnostics) {
	t.Helper()
	if opts.Host == nil {
		opts.Host = host
	}
	cfg, diags := spec.Load(t.Context(), dir, opts)
	if (cfg == nil) != diags.HasErrors() {
		t.Fatalf("Load: config is nil = %v and diagnostics have errors = %v:\n%s", cfg == nil, diags.HasErrors(), diags.Text())
	}
	return cfg, diags
}

// mustLoad loads a configuration that has no problem at all.
func mustLoad(t *testing.T, files map[string]string, opts spec.Options) *spec.Config {
	t.Helper()
	cfg, diags := load(t, write(t, files), opts)
	if len(diags) > 0 {
		t.Fatalf("Load: unexpected diagnostics:\n%s", diags.Text())
	}
	return cfg
}

func TestLoadFillsDefaults(t *testing.T) {
	cfg := mustLoad(t, map[string]string{"pools.hcl": `
pool "api" {
  adapter = "./a.py"
  size    = 2
}`}, spec.Options{})
	want := pool.Desired{
		Settings: pool.Settings{OnBoot: pool.OnBootResume, HistoryKeep: 50, OrphanGrace: pool.Duration(30 * time.Second), Log: pool.Log{Level: "info", Format: "text"}, Access: pool.Access{Admin: []string{}, Exec: []string{}, Read: []string{}}},
		Runtimes: map[string]pool.Runtime{"runtime.python.default": {Name: "runtime.python.default", Declared: pool.RuntimeSpec{Interpreter: "python3"}}},
		Pools: []pool.Pool{{
			Name: "api", Labels: map[string]string{}, Profile: "process", ThreadsPerWorker: 1, GIL: "warn", Runtime: "runtime.python.default", Adapter: "./a.py",
			Config: map[string]any{}, Env: map[string]string{}, WorkingDir: ".", PythonPath: []string{"."}, Code: []string{},
			CodeMode: "snapshot", StartMethod: "fork", Preload: []string{}, Size: 2, StartTimeout: pool.Duration(30 * time.Second), StopGrace: pool.Duration(30 * time.Second),
			StopSignal: "TERM", Startup: pool.Startup{Parallelism: 8},
			Queue:    pool.Queue{Max: 1000, Timeout: pool.Duration(5 * time.Second), Policy: pool.QueueFIFO, Overflow: pool.OverflowReject},
			Timeouts: pool.Timeouts{Call: pool.Duration(30 * time.Second)},
			Access:   pool.Callers{Exec: []string{}},
			Restart: pool.Restart{
				Backoff: pool.Duration(200 * time.Millisecond), MaxBackoff: pool.Duration(30 * time.Second),
				MaxRestarts: 10, Window: pool.Duration(5 * time.Minute),
			},
			Update: pool.Update{
				Strategy: "rolling", Surge: 1, MinHealthyTime: pool.Duration(2 * time.Second), HealthyDeadline: pool.Duration(time.Minute),
				ProgressDeadline: pool.Duration(5 * time.Minute), AutoRevert: true, Preflight: true, MaxFailures: 1,
			},
			Lifecycle: pool.Lifecycle{Jitter: 0.1, CheckInterval: pool.Duration(5 * time.Second), MaxRecycling: -25},
			Retry:     pool.Retry{Attempts: 2, On: []string{"worker_died", "unavailable"}},
			Breaker:   pool.Breaker{Reset: pool.Duration(10 * time.Second), HalfOpen: 1},
			DependsOn: []string{}, IgnoreChanges: []string{},
			Health:  pool.Health{Interval: pool.Duration(2 * time.Second), Timeout: pool.Duration(2 * time.Second), Misses: 3},
			Devices: pool.Devices{CPUs: []string{}, GPUs: []string{}},
			Logs:    pool.Logs{Keep: 10 << 20},
			Set:     []string{"adapter", "size"}, Snapshot: pool.Snapshot{Files: map[string]string{}},
		}},
	}
	if diff := cmp.Diff(want, cfg.Desired); diff != "" {
		t.Errorf("Desired (-want +got):\n%s", diff)
	}
}

func TestLoadEverything(t *testing.T) {
	cfg := mustLoad(t, map[string]string{
		"main.hcl": `
snakectl { required_version = "~> 0.1" }
settings {
  history_keep = 7
  log { level = "debug" }
}
variable "base" {
  type    = number
  default = 2
  validation {
    condition     = var.base > 0
    error_message = "base must be positive."
  }
}
locals {
  b     = local.a + 1
  a     = var.base
  sizes = { eu = local.b, us = local.a }
}
runtime "python" "ml" { interpreter = "./venv/bin/python" }
defaults "pool" {
  env = { SHARED = "1" }
  queue { max = 5 }
}
`,
		"pools.hcl": `
pool "etl" {
  for_each = local.sizes
  runtime  = runtime.python.ml
  adapter  = "pkg.mod:Etl"
  size     = each.value
  labels   = { region = each.key, me = self.address }
  config   = { nested = { list = [1, "two", null, true] } }
  queue { timeout = "90s" }
}
pool "api" {
  adapter = "./a.py:Api"
  default = true
  env     = { PORT = 8080 }
  dynamic "restart" {
    for_each = [3]
    content { max_restarts = restart.value }
  }
}
`,
	}, spec.Options{Version: "0.1.4"})
	d := cfg.Desired
	var addrs []string
	for i := range d.Pools {
		addrs = append(addrs, d.Pools[i].Address())
	}
	if want := []string{`pool.api`, `pool.etl["eu"]`, `pool.etl["us"]`}; !slices.Equal(addrs, want) {
		t.Fatalf("addresses = %v, want %v", addrs, want)
	}
	api, eu := d.Pools[0], d.Pools[1]
	checks := []struct{ what, got, want any }{
		{"settings.history_keep", d.Settings.HistoryKeep, 7},
		{"settings.log", d.Settings.Log, pool.Log{Level: "debug", Format: "text"}},
		{"runtime", d.Runtimes["runtime.python.ml"].Declared.Interpreter, "./venv/bin/python"},
		{"api.env", api.Env, map[string]string{"PORT": "8080"}},
		{"api.queue", api.Queue, pool.Queue{Max: 5, Timeout: pool.Duration(5 * time.Second), Policy: pool.QueueFIFO, Overflow: pool.OverflowReject}},
		{"api.restart.max_restarts", api.Restart.MaxRestarts, 3},
		{"api.Set", api.Set, []string{"adapter", "default", "env", "queue.max", "restart.max_restarts"}},
		{"eu.size", eu.Size, 3},
		{"eu.env", eu.Env, map[string]string{"SHARED": "1"}},
		{"eu.queue", eu.Queue, pool.Queue{Max: 5, Timeout: pool.Duration(90 * time.Second), Policy: pool.QueueFIFO, Overflow: pool.OverflowReject}},
		{"eu.labels", eu.Labels, map[string]string{"region": "eu", "me": `pool.etl["eu"]`}},
		{"eu.config", eu.Config, map[string]any{"nested": map[string]any{"list": []any{1.0, "two", nil, true}}}},
		{"eu.runtime", eu.Runtime, "runtime.python.ml"},
		{"us.size", d.Pools[2].Size, 2},
	}
	for _, c := range checks {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.what, diff)
		}
	}
	wantSnippet := "  on " + filepath.Join(cfg.Root, "main.hcl") + " line 23, in defaults \"pool\":\n  23:   queue { max = 5 }"
	if got := cfg.Snippet("pool.api", "queue.max"); got != wantSnippet {
		t.Errorf("Snippet = %q, want %q", got, wantSnippet)
	}
	if got := cfg.Snippet("pool.api", "size"); !strings.Contains(got, `line 11, in pool "api":`) {
		t.Errorf("Snippet of an attribute that is not set = %q, want the block's header", got)
	}
}

// The same configuration in both syntaxes gives the same desired state.
func TestLoadJSONSyntax(t *testing.T) {
	native := mustLoad(t, map[string]string{"p.hcl": `
variable "n" {
  type    = number
  default = 3
}
runtime "python" "app" { interpreter = "python3" }
pool "etl" {
  for_each = toset(["eu"])
  adapter  = "./a.py"
  runtime  = runtime.python.app
  size     = var.n
  env      = { REGION = each.key }
  queue { max = 4 }
}`}, spec.Options{})
	json := mustLoad(t, map[string]string{"p.hcl.json": `{
  "variable": {"n": {"type": "number", "default": 3}},
  "runtime": {"python": {"app": {"interpreter": "python3"}}},
  "pool": {"etl": {
    "for_each": "${toset([\"eu\"])}",
    "adapter": "./a.py",
    "runtime": "${runtime.python.app}",
    "size": "${var.n}",
    "env": {"REGION": "${each.key}"},
    "queue": {"max": 4}
  }}
}`}, spec.Options{})
	if diff := cmp.Diff(native.Desired, json.Desired); diff != "" {
		t.Errorf("Desired (-native +json):\n%s", diff)
	}
}
