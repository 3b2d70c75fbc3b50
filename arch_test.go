package snakectl_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/snakectl/snakectl"

// rule says what the non-test files of a package may import.
type rule struct {
	// internal are packages of this module, without its path.
	internal []string
	// modules are path prefixes of other modules.
	modules []string
	// pure packages decide and nothing else: no I/O, no processes, no clock, so
	// the standard library they may use is a short list.
	pure bool
}

// rules is the architecture. A package that is not here is a failure: put it in
// its place first.
var rules = map[string]rule{
	"internal/pool":      {pure: true},
	"internal/library":   {pure: true},
	"internal/planner":   {pure: true, internal: []string{"internal/library", "internal/pool"}},
	"internal/lifecycle": {pure: true, internal: []string{"internal/pool"}},
	"internal/planfile":  {internal: []string{"internal/planner", "internal/pool"}},
	"internal/dispatch":  {pure: true, internal: []string{"internal/pool"}},

	"internal/event":     {internal: []string{"internal/pool"}},
	"internal/logs":      {internal: []string{"internal/pool"}},
	"internal/wire":      {modules: []string{"golang.org/x/sys"}}, // who connects, on macOS
	"internal/access":    {internal: []string{"internal/pool"}},
	"internal/code/glob": {},
	"internal/code":      {internal: []string{"internal/code/glob", "internal/pool"}},
	"internal/runtime":   {internal: []string{"internal/library", "internal/pool"}, modules: []string{"golang.org/x/sys"}}, // syncfs
	"internal/spec": {
		internal: []string{"internal/access", "internal/code/glob", "internal/pool"},
		modules:  []string{"github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty", "github.com/agext/levenshtein", "golang.org/x/sys"},
	},
	"internal/state":  {internal: []string{"internal/pool"}, modules: []string{"go.etcd.io/bbolt"}},
	"internal/cgroup": {},
	"internal/watch":  {modules: []string{"golang.org/x/sys"}}, // inotify
	// The image of a process is replaced here alone.
	"internal/handover": {modules: []string{"golang.org/x/sys"}},
	"internal/worker":   {internal: []string{"internal/pool", "internal/wire"}, modules: []string{"golang.org/x/sys"}},
	"internal/supervisor": {
		internal: []string{
			"internal/access", "internal/cgroup", "internal/code", "internal/dispatch", "internal/event", "internal/handover", "internal/lifecycle", "internal/logs",
			"internal/planner", "internal/pool", "internal/runtime", "internal/state", "internal/wire", "internal/worker",
		},
		modules: []string{"golang.org/x/sys"},
	},
	"internal/api": {internal: []string{"internal/access", "internal/event", "internal/logs", "internal/planner", "internal/pool", "internal/wire"}},
	"client":       {internal: []string{"internal/event", "internal/planner", "internal/pool", "internal/wire"}},
	"python":       {},

	"cmd/snakectl": {
		internal: []string{
			"client", "python", "internal/access", "internal/api", "internal/code", "internal/event", "internal/handover", "internal/library", "internal/logs", "internal/planfile", "internal/planner", "internal/pool",
			"internal/runtime", "internal/spec", "internal/state", "internal/supervisor", "internal/watch", "internal/wire",
		},
		modules: []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/sys", "golang.org/x/term", "github.com/rogpeppe/go-internal/diff"},
	},
	"bench": {internal: []string{"client", "internal/pool", "internal/wire"}},
}

// testOnly are the places of packages that only tests import or run.
var testOnly = []string{"test/", "internal/state/statetest"}

// pureStandard is the standard library of a pure package.
var pureStandard = []string{
	"bytes", "cmp", "container/heap", "crypto/sha256", "encoding/hex", "encoding/json", "errors", "fmt", "io", "maps", "math", "path/filepath",
	"reflect", "regexp", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// goPackage is the part of `go list -json` that the rules speak of.
type goPackage struct {
	ImportPath string
	GoFiles    []string
	Imports    []string
}

// importComplaints returns one sentence for each import that the rules forbid.
func importComplaints(packages []goPackage) []string {
	var complaints []string
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if len(p.GoFiles) == 0 || isTestOnly(name) {
			continue
		}
		r, ok := rules[name]
		if !ok {
			complaints = append(complaints, name+" has no rule: add it to the table in arch_test.go")
			continue
		}
		for _, imported := range p.Imports {
			if why := r.forbids(imported); why != "" {
				complaints = append(complaints, fmt.Sprintf("%s imports %s: %s", name, imported, why))
			}
		}
	}
	return complaints
}

// forbids says why r does not allow the import, or "".
func (r rule) forbids(imported string) string {
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		if slices.Contains(r.internal, own) {
			return ""
		}
		return fmt.Sprintf("it may import only %q of this module", r.internal)
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		if r.pure && !slices.Contains(pureStandard, imported) {
			return "a pure package performs no I/O and starts nothing"
		}
		return ""
	}
	for _, m := range r.modules {
		if imported == m || strings.HasPrefix(imported, m+"/") {
			return ""
		}
	}
	return fmt.Sprintf("it may import only the modules %q", r.modules)
}

func isTestOnly(name string) bool {
	return slices.ContainsFunc(testOnly, func(place string) bool { return strings.HasPrefix(name, place) })
}

// listPackages asks the go command for every package of the module.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,GoFiles,Imports", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var packages []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestImportsFollowTheArchitecture(t *testing.T) {
	packages := listPackages(t)
	if len(packages) < 3 {
		t.Fatalf("go list found %d packages, want the whole module", len(packages))
	}
	for _, complaint := range importComplaints(packages) {
		t.Error(complaint)
	}
}

func TestForbiddenImportsAreNoticed(t *testing.T) {
	tests := []struct {
		name, from, imported, want string
	}{
		{"planner opens a file", "internal/planner", "os", "a pure package performs no I/O"},
		{"planner opens the state", "internal/planner", module + "/internal/state", "may import only"},
		{"pool has friends", "internal/pool", module + "/internal/wire", "may import only"},
		{"supervisor parses HCL", "internal/supervisor", "github.com/hashicorp/hcl/v2/hclparse", "may import only the modules"},
		{"supervisor calls its server", "internal/supervisor", module + "/internal/api", "may import only"},
		{"supervisor reads the language", "internal/supervisor", module + "/internal/spec", "may import only"},
		{"bbolt outside state", "internal/api", "go.etcd.io/bbolt", "may import only the modules"},
		{"flags outside cmd", "client", "github.com/spf13/cobra", "may import only the modules"},
		{"a longer name is another module", "internal/state", "go.etcd.io/bboltish", "may import only the modules"},
		{"nothing imports cmd", "client", module + "/cmd/snakectl", "may import only"},
		{"a package nobody placed", "internal/util", "fmt", "has no rule"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := importComplaints([]goPackage{{
				ImportPath: module + "/" + tt.from, GoFiles: []string{"x.go"}, Imports: []string{tt.imported},
			}})
			if len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("importComplaints(%s -> %s) = %q, want one with %q", tt.from, tt.imported, got, tt.want)
			}
		})
	}
}

func TestAllowedImportsPass(t *testing.T) {
	allowed := []goPackage{
		{ImportPath: module + "/internal/planner", GoFiles: []string{"x.go"}, Imports: []string{"time", module + "/internal/pool"}},
		{ImportPath: module + "/internal/spec", GoFiles: []string{"x.go"}, Imports: []string{"github.com/hashicorp/hcl/v2/hclsyntax"}},
		{ImportPath: module + "/test/script", GoFiles: []string{"x.go"}, Imports: []string{"go.etcd.io/bbolt"}},
		{ImportPath: module, Imports: []string{"os"}},
	}
	if got := importComplaints(allowed); len(got) != 0 {
		t.Errorf("importComplaints = %q, want none", got)
	}
}
