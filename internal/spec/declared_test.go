package spec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/spec"
)

const declarations = `
variable "replicas" {
  default = 2
}
moved {
  from = pool.old
  to   = pool.etl["eu"]
}
moved {
  from = pool.former
  to   = pool.api
}
pool "api" {
  adapter        = "./a.py"
  depends_on     = [pool.etl, "pool.store"]
  ignore_changes = [size, queue.max, "restart"]
  precondition {
    condition     = var.replicas > 1 && self.name == "api"
    error_message = "One is not enough."
  }
}
pool "etl" {
  for_each = toset(["eu", "us"])
  adapter  = "./a.py"
  depends_on = [pool.store]
}
pool "store" {
  adapter         = "./a.py"
  prevent_destroy = true
}
check "odd" {
  assert {
    condition     = var.replicas % 2 == 0
    error_message = "Replicas are even."
  }
}`

func TestDeclarations(t *testing.T) {
	cfg := mustLoad(t, map[string]string{"pools.hcl": declarations}, spec.Options{})
	if diff := cmp.Diff([]pool.Move{{From: "pool.old", To: `pool.etl["eu"]`}, {From: "pool.former", To: "pool.api"}}, cfg.Desired.Moved); diff != "" {
		t.Errorf("moved (-want +got):\n%s", diff)
	}
	p := cfg.Desired.Pool("pool.api")
	if diff := cmp.Diff([]string{`pool.etl["eu"]`, `pool.etl["us"]`, "pool.store"}, p.DependsOn); diff != "" {
		t.Errorf("depends_on (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"queue.max", "restart", "size"}, p.IgnoreChanges); diff != "" {
		t.Errorf("ignore_changes (-want +got):\n%s", diff)
	}
	if !cfg.Desired.Pool("pool.store").PreventDestroy {
		t.Error("pool.store may be destroyed")
	}
}

// The JSON form says the same, with its own guards.
func TestDeclarationsInJSON(t *testing.T) {
	cfg := mustLoad(t, map[string]string{"pools.hcl.json": `{
  "moved": [{"from": "pool.old", "to": "pool.etl[\"eu\"]"}],
  "check": {"some": {"assert": {"condition": "${1 < 2}", "error_message": "no"}}},
  "pool": {
    "api": {"adapter": "./a.py", "depends_on": ["pool.etl"], "ignore_changes": ["size", "queue.max"],
      "precondition": [{"condition": true, "error_message": "no"}, {"condition": true, "error_message": "no"}]},
    "etl": {"adapter": "./a.py", "for_each": {"eu": 1}}
  }
}`}, spec.Options{})
	p := cfg.Desired.Pool("pool.api")
	if diff := cmp.Diff([][]string{{`pool.etl["eu"]`}, {"queue.max", "size"}}, [][]string{p.DependsOn, p.IgnoreChanges}); diff != "" {
		t.Errorf("depends_on, ignore_changes (-want +got):\n%s", diff)
	}
	if len(cfg.Desired.Moved) != 1 {
		t.Errorf("moved = %v", cfg.Desired.Moved)
	}
}

func TestWrongDeclarations(t *testing.T) {
	api := func(body string) string { return "pool \"api\" {\n  adapter = \"./a.py\"\n" + body + "\n}\n" }
	other := "pool \"other\" {\n  adapter = \"./a.py\"\n  depends_on = [pool.api]\n}\n"
	tests := []struct {
		name, src string
		want      []problem
	}{
		{"no such pool", api("  depends_on = [pool.ap]"), one(3, "pool.api", "Undeclared pool pool.ap", `Did you mean "pool.api"?`)},
		{"a circle", api("  depends_on = [pool.other]") + other, one(3, "pool.api", "pool.api -> pool.other -> pool.api")},
		{"itself", api("  depends_on = [pool.api]"), one(3, "pool.api", "pool.api -> pool.api")},
		{"not a list", api("  depends_on = pool.api"), one(3, "pool.api", "must be a list in brackets, such as [pool.api]")},
		{"no pool's name", api("  depends_on = [runtime.python.default]"), one(3, "pool.api", "Not the name of a pool")},
		{"a default for depends_on", "defaults \"pool\" {\n  depends_on = [pool.api]\n}\n" + api(""), one(2, "", "depends_on has no default")},
		{"no such attribute", api("  ignore_changes = [siez]"), one(3, "pool.api", `no attribute "siez"`, `Did you mean "size"?`)},
		{"ignoring for_each", api("  ignore_changes = [for_each]"), one(3, "pool.api", `no attribute "for_each"`)},
		{"precondition", api("  precondition {\n    condition = 1 > 2\n    error_message = \"One is ${1}.\"\n  }"), one(4, "pool.api", "A precondition of pool.api does not hold", "One is 1.")},
		{"precondition without message", api("  precondition { condition = true }"), one(3, "pool.api", `"error_message" is required`)},
		{"precondition that is no bool", api("  precondition {\n    condition = [1]\n    error_message = \"x\"\n  }"), one(4, "pool.api", "must be true or false")},
		{"precondition in defaults", "defaults \"pool\" {\n  precondition {}\n}\n" + api(""), one(2, "", `Unknown block "precondition"`)},
		{"empty check", "check \"x\" {}\n" + api(""), one(1, "", "check \"x\" checks nothing")},
		{"move to nowhere", "moved {\n  from = pool.x\n  to = pool.apo\n}\n" + api(""), one(3, "", "Undeclared pool pool.apo", `Did you mean "pool.api"?`)},
		{"move of a declared pool", "moved {\n  from = pool.api\n  to = pool.other\n}\n" + api("") + "pool \"other\" { adapter = \"./a.py\" }\n", one(5, "pool.api", "pool.api is moved and declared")},
		{"move in a circle", "moved {\n  from = pool.x\n  to = pool.x\n}\n" + api(""), one(3, "", "A pool moves in a circle")},
		{"two moves of one pool", "moved {\n  from = pool.x\n  to = pool.api\n}\nmoved {\n  from = pool.x\n  to = pool.api\n}\n" + api(""), one(6, "", "Two moves of one pool")},
		{"two moves to one pool", "moved {\n  from = pool.x\n  to = pool.api\n}\nmoved {\n  from = pool.y\n  to = pool.api\n}\n" + api(""), one(7, "", "Two moves to one pool")},
		{"move to a family", "moved {\n  from = pool.x[\"a\"]\n  to = pool.api\n}\n" + api("  for_each = toset([\"a\"])"), one(3, "", "A pool moves to one of several")},
		{"move of a worker", "moved {\n  from = \"pool.x/3\"\n  to = pool.api\n}\n" + api(""), one(2, "", "Not the name of a pool")},
		{"move without an end", "moved {\n  from = pool.x\n}\n" + api(""), one(1, "", `"to" is required`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, diags := load(t, write(t, map[string]string{"pools.hcl": tt.src}), spec.Options{})
			checkProblems(t, diags, tt.want)
			if !diags.HasErrors() {
				t.Error("no diagnostic is an error")
			}
		})
	}
}

// A check that does not hold warns, and the configuration is loaded.
func TestCheckWarns(t *testing.T) {
	cfg, diags := load(t, write(t, map[string]string{"pools.hcl": "pool \"api\" { adapter = \"./a.py\" }\ncheck \"x\" {\n  assert {\n    condition = host.cpus > 1000\n    error_message = \"A small machine.\"\n  }\n}\n"}), spec.Options{})
	checkProblems(t, diags, one(4, "", `Check "x" does not hold`, "A small machine."))
	if cfg == nil || diags[0].Severity != spec.SeverityWarning {
		t.Error("a check is more than a warning")
	}
}
