package spec_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/spec"
)

// Each source is given in turn; the later ones win over all before them.
func TestVariablePrecedence(t *testing.T) {
	files := map[string]string{
		"p.hcl":        "variable \"v\" {\n  default = \"default\"\n}\npool \"api\" {\n  adapter = \"./a.py\"\n  description = var.v\n}",
		"one.hclvars":  `v = "file one"`,
		"two.hclvars":  `v = "file two"`,
		"json.hcljson": ``,
	}
	opts := spec.Options{}
	check := func(want string) {
		t.Helper()
		if got := mustLoad(t, files, opts).Desired.Pools[0].Description; got != want {
			t.Errorf("v = %q, want %q", got, want)
		}
	}
	check("default")
	opts.Env = []string{"HOME=/", "SNAKECTL_VAR_v=env", "SNAKECTL_VAR_other=ignored"}
	check("env")
	files["snakectl.auto.hclvars"] = `v = "auto"`
	check("auto")
	files["a.auto.hclvars"] = `v = "a"`
	check("a")
	files["b.auto.hclvars"] = `v = "b"`
	check("b")
	dir := write(t, files)
	opts.VarFiles = []string{filepath.Join(dir, "one.hclvars"), filepath.Join(dir, "two.hclvars")}
	check("file two")
	opts.Vars = []string{"v=first", "v=a=b"}
	check("a=b")
}

func TestVariableTypes(t *testing.T) {
	tests := []struct{ typ, arg, use, want string }{
		{"string", "42", "var.v", "42"},
		{"number", "42", "var.v + 1", "43"},
		{"bool", "true", "var.v ? \"yes\" : \"no\"", "yes"},
		{"list(string)", `["a", "b"]`, "join(\"-\", var.v)", "a-b"},
		{"map(number)", `{a = 1}`, "var.v.a", "1"},
		{"object({a = string, b = optional(number, 7)})", `{a = "x"}`, "var.v.b", "7"},
		{"any", `["a"]`, "var.v", `["a"]`},
	}
	for _, tt := range tests {
		cfg := mustLoad(t, map[string]string{
			"p.hcl": "variable \"v\" {\n  type = " + tt.typ + "\n}\npool \"api\" {\n  adapter = \"./a.py\"\n  description = " + tt.use + "\n}",
		}, spec.Options{Vars: []string{"v=" + tt.arg}})
		if got := cfg.Desired.Pools[0].Description; got != tt.want {
			t.Errorf("%s given %s: %s = %q, want %q", tt.typ, tt.arg, tt.use, got, tt.want)
		}
	}
}

func TestVariableProblems(t *testing.T) {
	tests := []struct {
		name, block string
		vars        []string
		file        string
		want        []problem
	}{
		{"no value", "variable \"v\" {}", nil, "", one(1, "", `Variable "v" has no value`, "--var v=VALUE", "SNAKECTL_VAR_v")},
		{"undeclared --var", "variable \"value\" {\n  default = 1\n}", []string{"valu=1"}, "", one(0, "", `undeclared variable "valu"`, `Did you mean "value"?`)},
		{"--var without a value", "variable \"v\" {\n  default = 1\n}", []string{"v"}, "", one(0, "", "is not NAME=VALUE")},
		{"undeclared in a file", "variable \"v\" {\n  default = 1\n}", nil, "w = 1\n", one(1, "", "Warning: Undeclared variable", "ignored")},
		{"wrong type from --var", "variable \"v\" {\n  type = number\n}", []string{"v=many"}, "", one(0, "", `The value "many" from --var does not fit: a number is required`)},
		{"wrong type from a file", "variable \"v\" {\n  type = number\n}", nil, "v = []\n", one(1, "", "does not fit: number required")},
		{"not an expression", "variable \"v\" {\n  type = list(string)\n}", []string{"v=[a"}, "", one(0, "", "is not an expression such as")},
		{"wrong default", "variable \"v\" {\n  type = number\n  default = \"x\"\n}", nil, "", one(3, "", "does not fit its type: a number is required")},
		{"null", "variable \"v\" {\n  nullable = false\n}", nil, "v = null\n", one(1, "", "must not be null")},
		{"validation", "variable \"v\" {\n  validation {\n    condition = length(var.v) > 3\n    error_message = \"${var.v} is too short.\"\n  }\n}", []string{"v=abc"}, "", one(3, "", `Invalid value for variable "v"`, "abc is too short.")},
		{"twice", "variable \"v\" {\n  default = 1\n}\nvariable \"v\" {\n  default = 1\n}", nil, "", one(4, "", `Duplicate variable "v"`)},
		{"a default that refers", "variable \"v\" {\n  default = host.cpus\n}", nil, "", one(2, "", "Variables not allowed")},
		{"unknown attribute", "variable \"v\" {\n  defualt = 1\n}", nil, "v = 1\n", one(2, "", "defualt")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"p.hcl": tt.block + "\n"}
			if tt.file != "" {
				files["snakectl.auto.hclvars"] = tt.file
			}
			_, diags := load(t, write(t, files), spec.Options{Vars: tt.vars})
			checkProblems(t, diags, tt.want)
		})
	}
}

func TestFunctionsOfFiles(t *testing.T) {
	tests := []struct{ expr, want string }{
		{`file("data/x.txt")`, "text"},
		{`file("${path.root}/data/x.txt")`, "text"},
		{`fileexists("data/x.txt") ? "yes" : "no"`, "yes"},
		{`fileexists("data/nope") ? "yes" : "no"`, "no"},
		{`filesha256("data/x.txt")`, "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"},
		{`join(",", fileset("data", "**/*.txt"))`, "deep/y.txt,x.txt"},
		{`join(",", fileset(".", "*.none"))`, ""},
		{`templatefile("data/t.tpl", { who = "you", n = 2 })`, "you 1 2 "},
		{`basename("a/b.txt")`, "b.txt"},
		{`dirname("a/b.txt")`, "a"},
		{`trimprefix(abspath("data"), path.root)`, "/data"},
		{`try(file("nope"), "fallback")`, "fallback"},
		{`can(file("nope")) ? "can" : "cannot"`, "cannot"},
		{`length("äö")`, "2"},
		{`length(["a"])`, "1"},
		{`"${host.cpus} ${host.memory} ${host.hostname}"`, "8 1073741824 box"},
	}
	for _, tt := range tests {
		cfg := mustLoad(t, map[string]string{
			"p.hcl":           "pool \"api\" {\n  adapter = \"./a.py\"\n  description = " + tt.expr + "\n}",
			"data/x.txt":      "text",
			"data/deep/y.txt": "more",
			"data/t.tpl":      "${who} %{ for i in range(n) }${i + 1} %{ endfor }",
		}, spec.Options{})
		if got := cfg.Desired.Pools[0].Description; got != tt.want {
			t.Errorf("%s = %q, want %q", tt.expr, got, tt.want)
		}
	}
}

func TestFormat(t *testing.T) {
	got, err := spec.Format([]byte("pool \"a\" {\nadapter=\"x\"\n   size   = 2\n}\n"), "p.hcl")
	want := "pool \"a\" {\n  adapter = \"x\"\n  size    = 2\n}\n"
	if err != nil || string(got) != want {
		t.Errorf("Format = %q, %v, want %q", got, err, want)
	}
	for name, src := range map[string]string{"a syntax error": "pool {", "deep nesting": "a = " + strings.Repeat("[", 100_000)} {
		if _, err := spec.Format([]byte(src), "p.hcl"); err == nil || !strings.HasPrefix(err.Error(), "p.hcl:1: ") {
			t.Errorf("Format of %s = %v, want an error that names the line", name, err)
		}
	}
}

func TestRequiredVersion(t *testing.T) {
	tests := []struct {
		constraint, version string
		ok                  bool
	}{
		{"~> 0.1", "0.1.0", true},
		{"~> 0.1", "0.9.3", true},
		{"~> 0.1", "1.0.0", false},
		{"~> 0.1.2", "0.1.9", true},
		{"~> 0.1.2", "0.2.0", false},
		{"~> 0.1.2", "0.1.1", false},
		{"0.1", "v0.1.0-dev", true},
		{"= 0.1.1", "0.1.0", false},
		{"!= 0.1.0", "0.1.0", false},
		{">= 0.1, < 0.3", "0.2.7", true},
		{">= 0.1, < 0.3", "0.3.0", false},
		{"> 0.1", "0.1.0", false},
		{"<= 0.1", "0.1.0", true},
		{">= 9", "", true},
		{">= 9", "(devel)", true},
	}
	for _, tt := range tests {
		dir := write(t, map[string]string{"p.hcl": "snakectl {\n  required_version = \"" + tt.constraint + "\"\n}\n"})
		if _, diags := load(t, dir, spec.Options{Version: tt.version}); diags.HasErrors() == tt.ok {
			t.Errorf("%q with %q: %s, want ok = %v", tt.constraint, tt.version, diags.Text(), tt.ok)
		}
	}
}
