package spec_test

import (
	"path/filepath"
	"testing"

	"github.com/snakectl/snakectl/internal/spec"
)

// Every example is a configuration without a problem.
func TestExamplesLoad(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "*.hcl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	large := *host
	large.CPUs = 64 // those who apply a hundred workers have them
	for _, file := range files {
		cfg, diags := load(t, file, spec.Options{Version: "0.1.0", Host: &large})
		if len(diags) > 0 {
			t.Errorf("%s:\n%s", file, diags.Text())
			continue
		}
		if len(cfg.Desired.Pools) == 0 {
			t.Errorf("%s declares no pool", file)
		}
	}
}
