package spec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/spec"
)

const former = `variable "workers" {
  default = 3
}

# What answers.
adapter = "./a.py"
pool_size = var.workers
worker_profile = "thread"
threads_per_worker = 4
worker_ttl = 3600
worker_max_requests = 1000
memory_threshold_mb = 512
env = { LANG = "C" }
`

// A pool of the 0.5 style is read as it stands, with one warning, and as the same pool
// when it was upgraded.
func TestFormerStyle(t *testing.T) {
	cfg, diags := load(t, write(t, map[string]string{"p.hcl": former}), spec.Options{})
	checkProblems(t, diags, one(6, "pool.default", "A pool in the style of Snakepit 0.5", "snakectl fmt --upgrade", `in pool "default"`))
	p := cfg.Desired.Pools[0]
	if p.Address() != "pool.default" || p.Size != 3 || p.Profile != "thread" || p.ThreadsPerWorker != 4 || p.Env["LANG"] != "C" {
		t.Errorf("the pool is %+v", p)
	}
	if l := p.Lifecycle; l.TTL != pool.Duration(time.Hour) || l.MaxRequests != 1000 || l.MaxMemory != 512<<20 {
		t.Errorf("lifecycle = %+v", l)
	}
	text, err := spec.Upgrade([]byte(former), "p.hcl")
	if err != nil {
		t.Fatal(err)
	}
	upgraded := mustLoad(t, map[string]string{"p.hcl": string(text)}, spec.Options{})
	if diff := cmp.Diff(cfg.Desired.Pools, upgraded.Desired.Pools); diff != "" {
		t.Errorf("the upgraded pool is another one (-read +upgraded):\n%s\n%s", diff, text)
	}
	if !strings.Contains(string(text), "# What answers.") {
		t.Errorf("a comment was lost:\n%s", text)
	}
	if vars, err := spec.Upgrade([]byte("env = 1\n"), "x.hclvars"); err != nil || string(vars) != "env = 1\n" {
		t.Errorf("values of variables became %q, %v", vars, err)
	}
	again, err := spec.Upgrade(text, "p.hcl")
	if diff := cmp.Diff(string(text), string(again)); err != nil || diff != "" {
		t.Errorf("upgrading again (%v):\n%s", err, diff)
	}
}

// Mistakes are told where they stand, and a file with a pool block is of today's style.
func TestFormerStyleProblems(t *testing.T) {
	for name, tt := range map[string]struct {
		src  string
		want []problem
	}{
		"wrong value":  {"adapter = \"./a.py\"\npool_size = \"many\"\n", append(one(1, "pool.default", "0.5"), one(2, "pool.default", `Wrong value for "size"`)...)},
		"no adapter":   {"pool_size = 2\n", append(one(1, "pool.default", "0.5"), one(1, "pool.default", "A pool needs an adapter")...)},
		"another name": {"adapter = \"./a.py\"\npool_sise = 2\n", append(one(1, "pool.default", "0.5"), one(2, "", "outside a block")...)},
		"with a pool":  {"pool_size = 2\npool \"api\" { adapter = \"./a.py\" }\n", one(1, "", "outside a block")},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := load(t, write(t, map[string]string{"p.hcl": tt.src}), spec.Options{})
			checkProblems(t, diags, tt.want)
		})
	}
}
