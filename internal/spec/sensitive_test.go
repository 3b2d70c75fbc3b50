package spec_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/spec"
)

// planted is a value that must turn up nowhere.
const planted = "hunter2-sesame"

const sensitiveVariable = "variable \"password\" {\n  type = string\n  sensitive = true\n}\n"

// A sensitive value, and what is made from it, reaches no attribute.
func TestSensitiveValuesReachNoAttribute(t *testing.T) {
	attributes := map[string]string{
		"description":   "var.password",
		"env":           `{ PASSWORD = var.password }`,
		"config":        `{ nested = [{ password = upper(var.password) }] }`,
		"labels":        `{ (var.password) = "x" }`,
		"python_path":   "[var.password]",
		"size":          "length(var.password)",
		"default":       "var.password == \"x\"",
		"start_timeout": "local.derived",
		"code":          "[for p in [var.password] : p]",
	}
	for name, value := range attributes {
		t.Run(name, func(t *testing.T) {
			src := sensitiveVariable + "locals {\n  derived = \"${var.password}s\"\n}\npool \"api\" {\n  adapter = \"./a.py\"\n  " + name + " = " + value + "\n}\n"
			_, diags := load(t, write(t, map[string]string{"pools.hcl": src}), spec.Options{Vars: []string{"password=" + planted}})
			checkProblems(t, diags, one(10, "pool.api", "A sensitive value in \""+name+"\"", "secrets = {"))
			noneOf(t, diags)
		})
	}
	for name, src := range map[string]string{
		"for_each":  "pool \"api\" {\n  adapter = \"./a.py\"\n  for_each = toset([var.password])\n}\n",
		"settings":  "settings {\n  log {\n    level = var.password\n  }\n}\npool \"api\" { adapter = \"./a.py\" }\n",
		"runtime":   "runtime \"python\" \"x\" {\n  interpreter = var.password\n}\npool \"api\" {\n  adapter = \"./a.py\"\n  runtime = runtime.python.x\n}\n",
		"message":   "pool \"api\" {\n  adapter = \"./a.py\"\n  precondition {\n    condition = var.password == \"\"\n    error_message = var.password\n  }\n}\n",
		"dynamic":   "pool \"api\" {\n  adapter = \"./a.py\"\n  dynamic \"queue\" {\n    for_each = [var.password]\n    content {\n      policy = queue.value\n    }\n  }\n}\n",
		"file name": "pool \"api\" {\n  adapter = \"./a.py\"\n  description = file(var.password)\n}\n",
		"defaults":  "defaults \"pool\" {\n  description = var.password\n}\npool \"api\" { adapter = \"./a.py\" }\n",
		"depends":   "pool \"api\" {\n  adapter = \"./a.py\"\n  depends_on = [var.password]\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := load(t, write(t, map[string]string{"pools.hcl": sensitiveVariable + src}), spec.Options{Vars: []string{"password=" + planted}})
			if !diags.HasErrors() {
				t.Error("it is accepted")
			}
			noneOf(t, diags)
		})
	}
}

// A value that does not fit is not shown, wherever it came from.
func TestSensitiveValuesAreInNoDiagnostic(t *testing.T) {
	typed := strings.Replace(sensitiveVariable, "string", "list(number)", 1) + "pool \"api\" { adapter = \"./a.py\" }\n"
	for name, tt := range map[string]struct {
		file string
		opts spec.Options
	}{
		"--var":                     {"", spec.Options{Vars: []string{"password=[" + planted}}},
		"the environment":           {"", spec.Options{Env: []string{"SNAKECTL_VAR_password={" + planted}}},
		"a file":                    {`password = "` + planted + `"`, spec.Options{}},
		"a file with a mistake":     {"password = hunter2-sesame", spec.Options{}},
		"a file that doesn't parse": {"password = hunter2-sesame =", spec.Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"pools.hcl": typed}
			if tt.file != "" {
				files["snakectl.auto.hclvars"] = tt.file
			}
			_, diags := load(t, write(t, files), tt.opts)
			if !diags.HasErrors() {
				t.Error("it is accepted")
			}
			noneOf(t, diags)
		})
	}
}

func noneOf(t *testing.T, diags spec.Diagnostics) {
	t.Helper()
	b, err := json.Marshal(diags)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(b), diags.Text(), diags.Error()} {
		if strings.Contains(text, planted) {
			t.Errorf("the value is in a diagnostic:\n%s", text)
		}
	}
}

// Conditions may look at sensitive values, and the list of variables says where each
// value came from.
func TestVariablesAreListed(t *testing.T) {
	src := sensitiveVariable + `
variable "replicas" {
  type        = object({ eu = number, us = optional(number, 1) })
  description = "How many."
  default     = { eu = 2 }
}
variable "plain" {
  default = null
}
pool "api" {
  adapter = "./a.py"
  size    = var.replicas.us
  precondition {
    condition     = length(var.password) > 3
    error_message = "Too short."
  }
}
`
	cfg := mustLoad(t, map[string]string{"pools.hcl": src}, spec.Options{Env: []string{"SNAKECTL_VAR_password=" + planted}, Vars: []string{"plain=x"}})
	got := map[string][]string{}
	for _, v := range cfg.Variables {
		got[v.Name] = []string{v.Type, string(v.Value), v.From, v.Description}
	}
	want := map[string][]string{
		"password": {"string", "null", "SNAKECTL_VAR_password", ""},
		"plain":    {"any", `"x"`, "--var", ""},
		"replicas": {"object({eu=number,us=number})", `{"eu":2,"us":1}`, "default", "How many."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	if b, _ := json.Marshal(cfg); strings.Contains(string(b), planted) {
		t.Error("the configuration holds the value")
	}
}
