package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/snakectl/snakectl/internal/planner"
)

// TestRenderPlanGolden renders the plan.json of each of the planner's archives,
// as a client of the supervisor does, and compares the text with plan.txt.
// UPDATE=1 writes plan.txt anew.
func TestRenderPlanGolden(t *testing.T) {
	archives, err := filepath.Glob("../../internal/planner/testdata/plan/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]int{}
			for i, f := range archive.Files {
				files[f.Name] = i
			}
			plan, err := planner.Decode(archive.Files[files["plan.json"]].Data)
			if err != nil {
				t.Fatal(err)
			}
			got := renderPlan(plan, viewOptions{})
			if os.Getenv("UPDATE") != "" {
				if _, ok := files["plan.txt"]; !ok {
					files["plan.txt"] = len(archive.Files)
					archive.Files = append(archive.Files, txtar.File{Name: "plan.txt"})
				}
				archive.Files[files["plan.txt"]].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			i, ok := files["plan.txt"]
			if !ok {
				t.Fatal("the archive has no plan.txt; UPDATE=1 writes it")
			}
			if diff := cmp.Diff(string(archive.Files[i].Data), got); diff != "" {
				t.Errorf("plan.txt differs; UPDATE=1 refreshes it (-want +got):\n%s", diff)
			}
		})
	}
}
