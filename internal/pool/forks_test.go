package pool_test

import (
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
)

func TestForks(t *testing.T) {
	for _, c := range []struct {
		method, mode string
		want         bool
	}{
		{pool.StartFork, pool.CodeSnapshot, true},
		{pool.StartFork, pool.CodeLive, false},
		{pool.StartSpawn, pool.CodeSnapshot, false},
		{"", pool.CodeSnapshot, false}, // accepted before there was a choice
	} {
		p := pool.Pool{StartMethod: c.method, CodeMode: c.mode}
		if got := p.Forks(); got != c.want {
			t.Errorf("Forks with start_method %q, code_mode %q = %t, want %t", c.method, c.mode, got, c.want)
		}
	}
}
