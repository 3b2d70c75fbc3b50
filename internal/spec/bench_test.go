package spec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/spec"
)

// BenchmarkLoad reads a file of 100 pools with nested blocks and references.
func BenchmarkLoad(b *testing.B) {
	var src strings.Builder
	src.WriteString("locals {\n  region = \"eu\"\n}\ndefaults \"pool\" {\n  queue {\n    max = 10\n  }\n}\n")
	for i := range 100 {
		fmt.Fprintf(&src, "pool \"p%d\" {\n  adapter = \"pkg.mod:Adapter\"\n  size    = %d\n  env     = { REGION = local.region, NUMBER = \"${%d + 1}\" }\n  stop_grace = \"10s\"\n  update {\n    surge = 2\n  }\n}\n", i, i%16, i)
	}
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pools.hcl"), []byte(src.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if cfg, diags := spec.Load(b.Context(), dir, spec.Options{Host: host}); cfg == nil || len(cfg.Desired.Pools) != 100 {
			b.Fatal(diags.Text())
		}
	}
}
