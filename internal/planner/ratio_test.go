package planner_test

import (
	"fmt"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
)

// TestPlanGrowsWithItsPools holds the work of deciding to growing in line with
// the pools: ten times the pools may cost less than 14 times the allocations.
func TestPlanGrowsWithItsPools(t *testing.T) {
	for _, changed := range []bool{false, true} {
		t.Run(fmt.Sprintf("changed=%t", changed), func(t *testing.T) {
			small, large := crowd(t, 100, changed), crowd(t, 1000, changed)
			few := testing.AllocsPerRun(1, func() { small.decide() })
			many := testing.AllocsPerRun(1, func() { large.decide() })
			if ratio := many / few; ratio >= 14 {
				t.Errorf("1000 pools cost %.0f allocations, 100 cost %.0f: ratio %.1f, want < 14", many, few, ratio)
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, pools := range []int{100, 1000} {
		for _, changed := range []bool{false, true} {
			b.Run(fmt.Sprintf("pools=%d/changed=%t", pools, changed), func(b *testing.B) {
				s := crowd(b, pools, changed)
				b.ReportAllocs()
				for b.Loop() {
					s.decide()
				}
			})
		}
	}
}

// crowd returns a world with that many pools of ten workers each, all of them
// rolled or none.
func crowd(t testing.TB, pools int, changed bool) scenario {
	t.Helper()
	template := poolFrom(t, map[string]any{"name": "p", "adapter": "./a.py", "size": 10.0, "env": map[string]any{"A": "1"}})
	var accepted pool.Desired
	remake(t, defaults(t, pool.SettingsSchema()), &accepted.Settings)
	s := scenario{Observed: pool.Observed{WorkersObserved: true, Pools: map[string]pool.ObservedPool{}}}
	s.Desired.Settings = accepted.Settings
	for i := range pools {
		p := template
		p.Name = fmt.Sprintf("p%04d", i)
		accepted.Pools = append(accepted.Pools, p)
		s.Observed.Pools[p.Address()] = populate(&p, pool.LaunchHash(&p, pool.Runtime{}), nil)
		if changed {
			p.Adapter = "./b.py"
		}
		s.Desired.Pools = append(s.Desired.Pools, p)
	}
	s.Observed.Accepted = &accepted
	if n := len(s.decide().Changes); changed && n != pools || !changed && n != 0 {
		t.Fatalf("%d changes of %d pools", n, pools)
	}
	return s
}
