package pool_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
)

// Numeric libraries share the processors among the slots of a worker, whoever is nearer
// to the user wins, and a fork server starts no threads.
func TestVariables(t *testing.T) {
	p := pool.Pool{
		Profile: pool.ProfileThread, ThreadsPerWorker: 3, GIL: pool.GILForceOff, Env: map[string]string{"OMP_NUM_THREADS": "4", "MINE": "x"},
	}
	m := pool.Machine{CPUs: 8, Environ: pool.Inherited([]string{"MKL_NUM_THREADS=7", "HOME=/root", "odd"})}
	want := []pool.Variable{
		{Name: "MINE", Value: "x", By: pool.ByEnv},
		{Name: "MKL_NUM_THREADS", Value: "7", By: pool.ByInheriting, Profile: "2"},
		{Name: "NUMEXPR_NUM_THREADS", Value: "2", By: pool.ByProfile},
		{Name: "OMP_NUM_THREADS", Value: "4", By: pool.ByEnv, Profile: "2"},
		{Name: "OPENBLAS_NUM_THREADS", Value: "2", By: pool.ByProfile},
		{Name: "PYTHON_GIL", Value: "0", By: pool.ByProfile},
		{Name: "VECLIB_MAXIMUM_THREADS", Value: "2", By: pool.ByProfile},
	}
	if diff := cmp.Diff(want, p.Variables(0, m)); diff != "" {
		t.Errorf("Variables (-want +got):\n%s", diff)
	}
	wantServer := map[string]string{
		"MINE": "x", "MKL_NUM_THREADS": "7", "NUMEXPR_NUM_THREADS": "1", "OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "1",
		"PYTHON_GIL": "0", "VECLIB_MAXIMUM_THREADS": "1",
	}
	if diff := cmp.Diff(wantServer, pool.Values(p.Preloading(m))); diff != "" {
		t.Errorf("Preloading (-want +got):\n%s", diff)
	}
	p.ThreadsPerWorker = 16
	if got := pool.Values(p.Variables(0, m))["NUMEXPR_NUM_THREADS"]; got != "1" {
		t.Errorf("16 slots on 8 processors get %s threads each, want 1", got)
	}
}

// Places take their devices in turn, and the plan lists what differs between them.
func TestReceives(t *testing.T) {
	p := pool.Pool{
		Profile: pool.ProfileThread, ThreadsPerWorker: 1, Env: map[string]string{},
		Devices: pool.Devices{CPUs: []string{"0-3", "4,5"}, GPUs: []string{"0", "1", "0,1"}},
	}
	if diff := cmp.Diff([][]int{{0, 1, 2, 3}, {4, 5}, {0, 1, 2, 3}}, [][]int{p.CPUs(0), p.CPUs(1), p.CPUs(2)}); diff != "" {
		t.Errorf("CPUs of three places (-want +got):\n%s", diff)
	}
	got := map[string][]string{}
	for _, v := range p.Receives(pool.Machine{CPUs: 8}) {
		got[v.Name] = append([]string{v.Value}, v.ByPlace...)
	}
	threads := []string{"4", "4", "2"}
	want := map[string][]string{
		"CUDA_VISIBLE_DEVICES": {"0", "0", "1", "0,1"}, "MKL_NUM_THREADS": threads, "NUMEXPR_NUM_THREADS": threads,
		"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "VECLIB_MAXIMUM_THREADS": threads,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Receives (-want +got):\n%s", diff)
	}
	p.Devices.CPUs = nil
	for _, v := range p.Receives(pool.Machine{CPUs: 8}) {
		if v.By == pool.ByProfile && v.ByPlace != nil {
			t.Errorf("%s differs between places that have the same processors: %q", v.Name, v.ByPlace)
		}
	}
}

// What uses a GPU is not forked unless somebody asks for it.
func TestForksWithGPUs(t *testing.T) {
	p := pool.Pool{StartMethod: pool.StartFork, Devices: pool.Devices{GPUs: []string{"0"}}}
	if p.Forks() {
		t.Error("a pool with GPUs is forked")
	}
	if p.Set = []string{"start_method"}; !p.Forks() {
		t.Error("a pool with GPUs is not forked although it asks for that")
	}
}
