package planner_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// environments is a scenario with one pool on a runtime with packages; the keys are those
// of the accepted and of the wanted environment, "" for none.
func environments(t *testing.T, was, is string, there ...string) scenario {
	t.Helper()
	with := func(key string) pool.Desired {
		rt := pool.Runtime{Name: "runtime.python.app", Interpreter: "/usr/bin/python3", Version: "3.12.1", Fingerprint: "plain"}
		if key != "" {
			rt.Declared.Requirements, rt.Fingerprint = "lock.txt", key
			rt.Environment = &pool.Environment{Key: key, Named: 3, Hashed: true}
		}
		d := config(t, `{"pools":[{"name":"api","adapter":"./a.py","runtime":"runtime.python.app","size":2}]}`)
		d.Runtimes = map[string]pool.Runtime{rt.Name: rt}
		return d
	}
	accepted := with(was)
	p := accepted.Pools[0]
	return scenario{Desired: with(is), Observed: pool.Observed{
		Lineage: "9d1f", Revision: 1, WorkersObserved: true, Accepted: &accepted, Environments: there,
		Pools: map[string]pool.ObservedPool{"pool.api": populate(&p, pool.LaunchHash(&p, accepted.Runtimes[p.Runtime]), nil)},
	}}
}

func TestEnvironmentChanges(t *testing.T) {
	tests := []struct {
		name    string
		was, is string
		there   []string
		want    string // of each change: address action cached
	}{
		{"the first packages", "", "new", nil, "runtime.python.app create false, pool.api roll"},
		{"the first packages, built already", "", "new", []string{"new"}, "runtime.python.app create true, pool.api roll"},
		{"other packages", "old", "new", []string{"old"}, "runtime.python.app update false, pool.api roll"},
		{"other packages, built already", "old", "new", []string{"old", "new"}, "runtime.python.app update true, pool.api roll"},
		{"the same, which is gone", "old", "old", nil, "runtime.python.app repair false"},
		{"the same", "old", "old", []string{"old"}, ""},
		{"none any more", "old", "", []string{"old"}, "pool.api roll"},
	}
	for _, tt := range tests {
		s := environments(t, tt.was, tt.is, tt.there...)
		p := s.decide()
		var got []string
		for _, c := range p.Changes {
			text := c.Address + " " + string(c.Action)
			if c.Environment != nil {
				text += fmt.Sprintf(" %v", c.Environment.Cached)
				if c.Environment.Key != tt.is || strings.Join(c.Environment.Pools, " ") != "pool.api" {
					t.Errorf("%s: %+v", tt.name, c.Environment)
				}
			}
			got = append(got, text)
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: changes = %q, want %q", tt.name, strings.Join(got, ", "), tt.want)
		}
		// Carried out, it needs nothing more.
		s.Observed.Accepted, s.Observed.Environments = &s.Desired, append(tt.there, tt.is)
		pool0 := s.Desired.Pools[0]
		s.Observed.Pools["pool.api"] = populate(&pool0, pool.LaunchHash(&pool0, s.Desired.Runtimes[pool0.Runtime]), nil)
		if again := s.decide(); !again.Empty() {
			t.Errorf("%s: a second plan is %s", tt.name, planner.Encode(again))
		}
	}
}

// To build what was there when somebody agreed is more than they agreed to.
func TestBuildingExceedsCached(t *testing.T) {
	cached, gone := environments(t, "old", "new", "new").decide(), environments(t, "old", "new").decide()
	if more := planner.Exceeds(gone, cached); len(more) != 1 || !strings.Contains(more[0], "now it would be built") {
		t.Errorf("Exceeds = %q, want one sentence about the build", more)
	}
	if more := planner.Exceeds(cached, gone); len(more) != 0 {
		t.Errorf("Exceeds of what was built meanwhile = %q, want none", more)
	}
}
