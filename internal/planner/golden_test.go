package planner_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/test/golden"
)

// archives matches the scenarios and what they come to.
const archives = "testdata/plan/*.txtar"

// TestDecideGolden decides each archive of testdata/plan and compares the plan
// with its plan.json. UPDATE=1 writes plan.json anew; plan.txt belongs to the
// view's own test.
func TestDecideGolden(t *testing.T) {
	golden.Archives(t, archives, "plan.json", func(t *testing.T, archive *txtar.Archive) string {
		var got bytes.Buffer
		if err := json.Indent(&got, planner.Encode(readScenario(t, archive).decide()), "", " "); err != nil {
			t.Fatal(err)
		}
		return got.String() + "\n"
	})
}

// TestGoldenCoverage holds the archives to showing every action and reason.
func TestGoldenCoverage(t *testing.T) {
	paths, err := filepath.Glob(archives)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		plan := readScenario(t, archive).decide()
		for _, c := range plan.Changes {
			seen[string(c.Action)] = true
			for _, r := range c.Reasons {
				seen[string(r)] = true
			}
		}
	}
	for _, want := range []string{
		"create", "update", "resize", "repair", "roll", "recreate", "destroy", "move", "moved",
		"attr_changed", "runtime_changed", "code_changed", "not_in_config", "quarantined_place",
		"other_launch_hash", "override_present", "by_request", "not_carried_out",
	} {
		if !seen[want] {
			t.Errorf("no archive shows %s", want)
		}
	}
}

func readScenario(t *testing.T, archive *txtar.Archive) scenario {
	t.Helper()
	var s scenario
	var accepted *pool.Desired
	if base := golden.Section(archive, "base.json"); base != nil {
		d := config(t, string(base))
		accepted = &d
	}
	if options := golden.Section(archive, "options.json"); options != nil {
		remake(t, json.RawMessage(options), &s.Options)
	}
	desired := golden.Section(archive, "new.json")
	if desired == nil {
		desired = golden.Section(archive, "base.json")
	}
	s.Desired = config(t, string(desired))
	observed := golden.Section(archive, "observed.json")
	if observed == nil {
		observed = []byte(`{"revision":2}`)
	}
	s.Observed = world(t, string(observed), accepted, s.Desired)
	if in := golden.Section(archive, "in_force.json"); in != nil {
		lagBehind(&s.Observed, config(t, string(in)))
	}
	return s
}

// lagBehind makes the pools run what the spec says, whatever was accepted.
func lagBehind(observed *pool.Observed, in pool.Desired) {
	for i := range in.Pools {
		p := &in.Pools[i]
		running := populate(p, hashOf(&in, p.Address()), nil)
		running.InForce = &pool.Configured{Spec: *p, Runtime: in.Runtimes[p.Runtime]}
		observed.Pools[p.Address()] = running
	}
}
