package planner_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// TestDecideGolden decides each archive of testdata/plan and compares the plan
// with its plan.json. UPDATE=1 writes plan.json anew; plan.txt belongs to the
// view's own test.
func TestDecideGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/plan/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			plan := readScenario(t, archive).decide()
			var got bytes.Buffer
			if err := json.Indent(&got, planner.Encode(plan), "", " "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			if os.Getenv("UPDATE") != "" {
				setFile(archive, "plan.json", got.Bytes())
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(section(archive, "plan.json")), got.String()); diff != "" {
				t.Errorf("plan.json differs; UPDATE=1 refreshes it (-want +got):\n%s", diff)
			}
		})
	}
}

// TestGoldenCoverage holds the archives to showing every action and reason.
func TestGoldenCoverage(t *testing.T) {
	archives, err := filepath.Glob("testdata/plan/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, path := range archives {
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
		"create", "update", "resize", "repair", "roll", "recreate", "destroy",
		"attr_changed", "runtime_changed", "code_changed", "not_in_config", "quarantined_place",
		"other_launch_hash", "override_present", "by_request",
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
	if base := section(archive, "base.json"); base != nil {
		d := config(t, string(base))
		accepted = &d
	}
	if options := section(archive, "options.json"); options != nil {
		remake(t, json.RawMessage(options), &s.Options)
	}
	desired := section(archive, "new.json")
	if desired == nil {
		desired = section(archive, "base.json")
	}
	s.Desired = config(t, string(desired))
	observed := section(archive, "observed.json")
	if observed == nil {
		observed = []byte(`{"revision":2}`)
	}
	s.Observed = world(t, string(observed), accepted, s.Desired)
	return s
}

func section(archive *txtar.Archive, name string) []byte {
	for _, f := range archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func setFile(archive *txtar.Archive, name string, data []byte) {
	for i := range archive.Files {
		if archive.Files[i].Name == name {
			archive.Files[i].Data = data
			return
		}
	}
	archive.Files = append(archive.Files, txtar.File{Name: name, Data: data})
}
