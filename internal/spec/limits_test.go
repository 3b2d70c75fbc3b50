package spec_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/spec"
)

// Where nothing can hold a worker to a limit, one is an error on its own line.
func TestLimitsNeedLinux(t *testing.T) {
	const config = "pool \"api\" {\n  adapter = \"m\"\n  limits {\n    memory = \"64MiB\"\n    nofile = 128\n  }\n}\n"
	dir := write(t, map[string]string{"pools.hcl": config})
	for _, able := range []bool{true, false} {
		_, diags := spec.Load(t.Context(), dir, spec.Options{Host: &spec.Host{CPUs: 8, Limits: able}})
		var lines []int
		for _, d := range diags {
			if !strings.Contains(d.Detail, "works on Linux alone") {
				t.Errorf("unexpected: %s", d.Text())
			}
			lines = append(lines, d.Line)
		}
		var want []int
		if !able {
			want = []int{4, 5}
		}
		if slices.Sort(lines); !slices.Equal(lines, want) {
			t.Errorf("with limits %v: errors on the lines %v, want %v", able, lines, want)
		}
	}
}

func TestLimitsOutOfRange(t *testing.T) {
	dir := write(t, map[string]string{"pools.hcl": "pool \"api\" {\n  adapter = \"m\"\n  limits {\n    memory = \"1MiB\"\n    nofile = 3\n    cpu = 1\n  }\n}\n"})
	_, diags := spec.Load(t.Context(), dir, spec.Options{Host: &spec.Host{CPUs: 8, Limits: true}})
	text := ""
	for _, d := range diags {
		text += d.Text()
	}
	for _, want := range []string{"must be a size from 16MiB to 1024TiB, not 1MiB", "from 64 to 1073741824", `Unknown attribute "cpu"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the errors do not say %q:\n%s", want, text)
		}
	}
}
