package spec_test

import (
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/spec"
)

func TestDevices(t *testing.T) {
	host := spec.Host{CPUs: 4, Limits: true, Processors: []int{0, 1, 2, 3, 6}, GPUs: []string{"0", "GPU-1f"}}
	tests := []struct {
		name, devices string
		host          spec.Host
		want          string // of the error, "" for none
	}{
		{"sets and numbers", `cpus = [0, "1-3", "0,6"]`, host, ""},
		{"gpus", `gpus = [0, "GPU-1f", "0,GPU-1f", "MIG-7"]`, host, ""},
		{"no such processor", `cpus = ["0-4"]`, host, "no processor 4; it has 0-3, 6"},
		{"not a set", `cpus = ["0-"]`, host, `"0-" is not a set of processors`},
		{"backwards", `cpus = ["3-1"]`, host, "is not a set of processors"},
		{"twice", `cpus = ["0-2,1"]`, host, "names processor 1 twice"},
		{"too large", `cpus = [5000]`, host, "is not a set of processors"},
		{"elsewhere", `cpus = [0]`, spec.Host{CPUs: 4}, "works on Linux alone"},
		{"no such gpu", `gpus = [1]`, host, "no GPU 1; it has 0, GPU-1f"},
		{"no gpu at all", `gpus = [0]`, spec.Host{CPUs: 4, Limits: true}, "no GPU 0: CUDA's driver lists none"},
		{"empty gpu", `gpus = ["0,"]`, host, "is not a set of GPUs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, map[string]string{"pools.hcl": "pool \"api\" {\n  adapter = \"m\"\n  devices {\n    " + tt.devices + "\n  }\n}\n"})
			_, diags := spec.Load(t.Context(), dir, spec.Options{Host: &tt.host})
			switch {
			case tt.want == "" && len(diags) > 0:
				t.Errorf("Load complains: %s", diags[0].Text())
			case tt.want != "" && (len(diags) != 1 || diags[0].Line != 4 || !strings.Contains(diags[0].Text(), tt.want)):
				t.Errorf("Load = %v, want one error on line 4 that says %q", diags, tt.want)
			}
		})
	}
}

func TestDevicesAndEnv(t *testing.T) {
	dir := write(t, map[string]string{"pools.hcl": "pool \"api\" {\n  adapter = \"m\"\n  env = { CUDA_VISIBLE_DEVICES = \"0\" }\n  devices {\n    gpus = [0]\n  }\n}\n"})
	_, diags := spec.Load(t.Context(), dir, spec.Options{Host: &spec.Host{CPUs: 4, GPUs: []string{"0"}}})
	if len(diags) != 1 || !strings.Contains(diags[0].Text(), "both set CUDA_VISIBLE_DEVICES") {
		t.Errorf("Load = %v, want one error about the variable that is set twice", diags)
	}
}
