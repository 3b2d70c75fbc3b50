package spec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/spec"
)

// Without a guard inputs of these kinds overflow the stack of the process that
// parses or evaluates them, or take it minutes.
func TestGuards(t *testing.T) {
	attr := func(expr string) string { return "locals {\n  x = " + expr + "\n}\n" }
	tests := []struct {
		name, file, src, want string
	}{
		{"nested brackets", "p.hcl", attr(strings.Repeat("[", 100_000)), "Nested too deeply"},
		{"closed nested brackets", "p.hcl", attr(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), "Nested too deeply"},
		{"nested blocks", "p.hcl", strings.Repeat("a {\n", 20_000), "Nested too deeply"},
		{"nested objects", "p.hcl", attr(strings.Repeat("{a=", 20_000)), "Nested too deeply"},
		{"nested templates", "p.hcl", attr(strings.Repeat(`"${`, 20_000)), "Nested too deeply"},
		{"nested parentheses over lines", "p.hcl", attr(strings.Repeat("(\n", 20_000)), "Nested too deeply"},
		{"a long sum", "p.hcl", attr("1" + strings.Repeat("+1", 520_000)), "Expression too long"},
		{"splats", "p.hcl", attr("a" + strings.Repeat("[*]", 300_000)), "Expression too long"},
		{"a sum over lines", "p.hcl", attr("(1" + strings.Repeat("\n+1", 50_000) + ")"), "Expression too long"},
		{"a sum in a heredoc", "p.hcl", attr("<<E\n${1" + strings.Repeat("+1", 50_000) + "}\nE"), "Expression too long"},
		{"minus signs", "p.hcl", attr(strings.Repeat("-", 50_000) + "1"), "Too many operators in a row"},
		{"negations over lines", "p.hcl", attr("(" + strings.Repeat("!\n", 50_000) + "true)"), "Too many operators in a row"},
		{"negations between comments", "p.hcl", attr("(" + strings.Repeat("!#\n", 50_000) + "true)"), "Too many operators in a row"},
		{"2 MiB", "p.hcl", strings.Repeat("# comment\n", 1<<21/10), "File too large"},
		{"nested lists in JSON", "p.hcl.json", strings.Repeat("[", 300_000), "Nested too deeply"},
		{"nested objects in JSON", "p.hcl.json", strings.Repeat(`{"a":`, 40_000), "Nested too deeply"},
		{"nested lists after an error in JSON", "p.hcl.json", `{"a" "b":` + strings.Repeat("[", 300_000), "Invalid JSON"},
		{"an expression in JSON", "p.hcl.json", `{"locals":{"x":"${` + strings.Repeat("[", 20_000) + `"}}`, "Nested too deeply"},
		{"an escaped expression in JSON", "p.hcl.json", `{"locals":{"x":"\u0024\u007b` + strings.Repeat("[", 20_000) + `"}}`, "Nested too deeply"},
		{"a type in JSON", "p.hcl.json", `{"variable":{"x":{"type":"` + strings.Repeat("list(", 20_000) + `"}}}`, "Nested too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, diags := load(t, write(t, map[string]string{tt.file: tt.src}), spec.Options{})
			if len(diags) != 1 || diags[0].Summary != tt.want || filepath.Base(diags[0].File) != tt.file {
				t.Errorf("diagnostics = %.500s, want one, %q, naming the file", diags.Text(), tt.want)
			}
		})
	}
}

// What just passes the guards is parsed and evaluated without harm.
func TestGuardsLetPass(t *testing.T) {
	exprs := map[string]string{
		"nesting":     strings.Repeat("[", 190) + strings.Repeat("]", 190),
		"a sum":       "1" + strings.Repeat("+1", 24_900),
		"splats":      "[]" + strings.Repeat("[*]", 16_000),
		"conditions":  strings.Repeat("true ? 1 : ", 12_000) + "2",
		"minus signs": strings.Repeat("-", 64) + "1",
		"a list":      "[" + strings.Repeat("\"a\",\n", 9_900) + "]",
	}
	for name, expr := range exprs {
		t.Run(name, func(t *testing.T) {
			mustLoad(t, map[string]string{"p.hcl": "locals {\n  x = " + expr + "\n}\n"}, spec.Options{})
		})
	}
	t.Run("many attributes", func(t *testing.T) {
		var b strings.Builder
		for i := range 3_000 {
			fmt.Fprintf(&b, "  x%d = { a = [1, 2, 3], b = \"${\"x\"}\" } # {\n", i)
		}
		mustLoad(t, map[string]string{"p.hcl": "locals {\n" + b.String() + "}\n"}, spec.Options{})
	})
}

func TestGuardsCoverVariables(t *testing.T) {
	deep := strings.Repeat("[", 20_000)
	dir := write(t, map[string]string{"p.hcl": "variable \"x\" {\n  type = list(string)\n}", "x.hclvars": "x = " + deep, "deep.txt": "${" + deep, "t.hcl": "locals {\n  y = templatefile(\"deep.txt\", {})\n}"})
	for name, opts := range map[string]spec.Options{
		"--var":      {Vars: []string{"x=" + deep}},
		"env":        {Env: []string{"SNAKECTL_VAR_x=" + deep}},
		"--var-file": {VarFiles: []string{filepath.Join(dir, "x.hclvars")}, Vars: []string{"x=[]"}},
	} {
		_, diags := load(t, dir, opts)
		if text := diags.Text(); strings.Count(text, "nested 200 deep") != 2 { // the template's is the second
			t.Errorf("%s: diagnostics = %.1000s, want the guard's, twice", name, text)
		}
	}
}

// FuzzLoad: no file crashes, hangs or yields a configuration without its pools
// checked.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"", "pool \"a\" {\n  adapter = \"json\"\n}", "locals {\n  a = local.a\n}", "variable \"x\" { type = object({a = optional(string, \"b\")}) }",
		"pool \"a\" {\n  for_each = toset([\"x\"])\n  adapter = \"json\"\n  env = { K = each.key }\n  dynamic \"queue\" {\n    for_each = [1]\n    content {\n      max = queue.value\n    }\n  }\n}",
		"settings {\n  log {\n    level = \"${\"debug\"}\"\n  }\n}", "x = <<E\n${1}\nE\n", "a {\n}}", "runtime \"python\" \"x\" { interpreter = path.root }",
	} {
		f.Add([]byte(seed), false)
	}
	f.Add([]byte(`{"pool":{"a":{"adapter":"json","size":"${1+1}"}}}`), true)
	f.Add([]byte(`{"variable":{"x":{"type":"list(string)","default":[]}}}`), true)
	f.Fuzz(func(t *testing.T, src []byte, isJSON bool) {
		dir, name := t.TempDir(), "p.hcl"
		if isJSON {
			name = "p.hcl.json"
		}
		if err := os.WriteFile(filepath.Join(dir, name), src, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, diags := load(t, dir, spec.Options{})
		if cfg == nil {
			return
		}
		for i := range cfg.Desired.Pools {
			p := &cfg.Desired.Pools[i]
			if p.Adapter == "" || cfg.Desired.Runtimes[p.Runtime].Name == "" || cfg.Snippet(p.Address(), "size") == "" {
				t.Errorf("%s was accepted without adapter, runtime or place:\n%s", p.Address(), diags.Text())
			}
		}
		if !isJSON {
			if _, err := spec.Format(src, name); err != nil {
				t.Errorf("what loads cannot be formatted: %v", err)
			}
		}
	})
}
