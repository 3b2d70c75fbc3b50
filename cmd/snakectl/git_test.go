package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

func TestParseGitStatus(t *testing.T) {
	tests := map[string]struct {
		out  string
		want pool.Git
	}{
		"clean":          {"# branch.oid 3f9c01d2\n# branch.head main\n# branch.upstream origin/main\n# branch.ab +1 -0\n", pool.Git{Commit: "3f9c01d2", Branch: "main"}},
		"detached":       {"# branch.oid 3f9c01d2\n# branch.head (detached)\n", pool.Git{Commit: "3f9c01d2"}},
		"no commit yet":  {"# branch.oid (initial)\n# branch.head main\n? pools.hcl\n", pool.Git{Branch: "main", Dirty: true}},
		"changed":        {"# branch.oid 3f9c01d2\n# branch.head main\n1 .M N... 100644 100644 100644 aa bb a.py\n", pool.Git{Commit: "3f9c01d2", Branch: "main", Dirty: true}},
		"stashed before": {"# branch.oid 3f9c01d2\n# branch.head main\n# stash 2\n", pool.Git{Commit: "3f9c01d2", Branch: "main"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(&tt.want, parseGitStatus([]byte(tt.out))); diff != "" {
				t.Errorf("parseGitStatus (-want +got):\n%s", diff)
			}
		})
	}
	if got := readGit(t.Context(), t.TempDir()); got != nil {
		t.Errorf("readGit outside of a repository = %v, want nil", got)
	}
}

// TestMarkdownIsInert renders text that would leave its cell, its span or its fence.
func TestMarkdownIsInert(t *testing.T) {
	const evil = "a|b`c\n```\n@team <img src=x> **x**"
	plan := mixedPlan()
	plan.Drift = []planner.Drift{{Address: "pool.a/1", Kind: planner.ReasonQuarantinedPlace, Detail: evil}}
	plan.Changes[0].Attributes[0].New = "```\n</details><img src=x>"
	plan.Git = &pool.Git{Commit: "3f9c", Branch: "x`y"}
	text := renderMarkdown(plan, "pools.hcl: 5 pools", evil)
	before, details, found := strings.Cut(text, "<details>")
	if !found || !strings.HasPrefix(text, "### snakectl plan: 1 to create, 1 to roll, 1 to recreate, 1 to repair, 1 to destroy\n") {
		t.Fatalf("not the shape of a comment:\n%s", text)
	}
	for _, bad := range []string{"<img", "@team", "**x**", "x`y"} {
		if strings.Contains(before, bad) {
			t.Errorf("%q stands in the comment:\n%s", bad, before)
		}
	}
	if !strings.Contains(before, "| `-/+` | `pool.c` | **recreate 2 workers, all at once: downtime** |") {
		t.Errorf("a disruptive change does not stand out:\n%s", before)
	}
	if !strings.Contains(details, "````text\n") || strings.Count(details, "\n````\n") != 1 {
		t.Errorf("the details can be left:\n%s", details)
	}
	for range 4000 {
		plan.Changes = append(plan.Changes, plan.Changes[0])
	}
	if n := len([]rune(renderMarkdown(plan, "", ""))); n > 65_536 {
		t.Errorf("a comment of %d characters, more than fit", n)
	}
}

func TestPlanAddresses(t *testing.T) {
	scope := scopeOptions{targets: []string{"api", `pool.etl["eu"]`, "settings", "runtime.python.app"}, exclude: []string{"etl.us"}, replace: []string{"api/3", "web"}}
	got, err := scope.options()
	want := planner.Options{
		Targets: []string{"pool.api", `pool.etl["eu"]`, "settings", "runtime.python.app"},
		Exclude: []string{`pool.etl["us"]`}, Replace: []string{"pool.api/3", "pool.web"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("options (-want +got), error %v:\n%s", err, diff)
	}
	for _, bad := range []scopeOptions{{targets: []string{"a b"}}, {exclude: []string{"1"}}, {replace: []string{"api/x"}}} {
		if _, err := bad.options(); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}
