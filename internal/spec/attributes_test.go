package spec_test

import (
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/spec"
)

// The example of every attribute in the reference is a configuration that is valid and
// sets that attribute.
func TestExamplesOfAttributes(t *testing.T) {
	able := &spec.Host{CPUs: 8, Memory: 1 << 30, Hostname: "box", Limits: true, PeerCredentials: true, Processors: []int{0, 1}, GPUs: []string{"0"}}
	const api = "pool \"api\" {\n  adapter = \"./adapter.py\"\n"
	tests := map[string]struct {
		rows []pool.Row
		wrap func(row *pool.Row, body string) string
	}{
		"pool": {pool.PoolSchema(), func(row *pool.Row, body string) string {
			head := api
			if row.Required {
				head = "pool \"api\" {\n"
			}
			return head + body + "}\nruntime \"python\" \"app\" {}\npool \"store\" {\n  adapter = \"./adapter.py\"\n  runtime = runtime.python.app\n}\n"
		}},
		"runtime": {pool.RuntimeSchema(), func(_ *pool.Row, body string) string {
			return api + "  runtime = runtime.python.app\n}\nruntime \"python\" \"app\" {\n" + body + "}\n"
		}},
		"settings": {pool.SettingsSchema(), func(_ *pool.Row, body string) string { return api + "}\nsettings {\n" + body + "}\n" }},
	}
	for name, tt := range tests {
		for i := range tt.rows {
			row := &tt.rows[i]
			t.Run(name+" "+row.Path, func(t *testing.T) {
				dir := write(t, map[string]string{
					"pools.hcl": tt.wrap(row, row.Snippet(true)), "adapter.py": "", "data/pyproject.toml": "[project]\nname = \"app\"\nversion = \"1\"\ndependencies = []\n", "requirements.txt": "app==1\n",
				})
				cfg, diags := load(t, dir, spec.Options{Host: able})
				if len(diags) > 0 {
					t.Fatalf("%s\n%s", row.Snippet(true), diags.Text())
				}
				address := map[string]string{"pool": "pool.api", "runtime": "runtime.python.app", "settings": "settings"}[name]
				if row.Effect == pool.EffectAddress {
					address = `pool.api["eu"]`
				} else if _, set := cfg.Ranges[address][row.Path]; !set {
					t.Errorf("the example sets nothing:\n%s", row.Snippet(true))
				}
				if !strings.Contains(cfg.Snippet(address, row.Path), "pools.hcl") {
					t.Errorf("%s is nowhere", address)
				}
			})
		}
	}
}
