package spec_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/spec"
)

const accessLists = `
settings {
  access {
    admin = ["root", 1000]
    exec  = ["@0", "1001"]
  }
}
pool "open" { adapter = "./a.py" }
pool "own" {
  adapter = "./a.py"
  access { exec = ["@1002"] }
}
pool "shut" {
  adapter = "./a.py"
  access { exec = [] }
}`

// A pool without a list of its own has the one of the settings, as its own value: so
// a plan shows who may run its commands from then on.
func TestAccessLists(t *testing.T) {
	cfg := mustLoad(t, map[string]string{"pools.hcl": accessLists}, spec.Options{Host: &spec.Host{CPUs: 8, PeerCredentials: true}})
	got := map[string][]string{"admin": cfg.Desired.Settings.Access.Admin, "read": cfg.Desired.Settings.Access.Read}
	for _, p := range cfg.Desired.Pools {
		got[p.Name] = p.Access.Exec
	}
	want := map[string][]string{
		"admin": {"root", "1000"}, "read": {}, "open": {"@0", "1001"}, "own": {"@1002"}, "shut": {},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lists (-want +got):\n%s", diff)
	}
}

// Where the system does not tell who connects, a list that lets somebody in is an
// error on its own line, and an empty one is not.
func TestAccessNeedsPeerCredentials(t *testing.T) {
	dir := write(t, map[string]string{"pools.hcl": accessLists})
	_, diags := spec.Load(t.Context(), dir, spec.Options{Host: &spec.Host{CPUs: 8}})
	var lines []int
	for _, d := range diags {
		if !strings.Contains(d.Detail, "does not tell for certain who connects") {
			t.Errorf("unexpected: %s", d.Text())
		}
		lines = append(lines, d.Line)
	}
	if want := []int{4, 5, 11}; !slices.Equal(lines, want) {
		t.Errorf("errors on the lines %v, want %v", lines, want)
	}
}

func TestAccessOfUnknownNames(t *testing.T) {
	dir := write(t, map[string]string{"pools.hcl": `
settings {
  access { read = ["nobody-has-this-name", "@nor-this"] }
}
pool "api" {
  adapter = "./a.py"
  access { exec = ["", -1] }
}`})
	_, diags := spec.Load(t.Context(), dir, spec.Options{Host: &spec.Host{CPUs: 8, PeerCredentials: true}})
	var got []string
	for _, d := range diags {
		got = append(got, d.Detail)
	}
	want := []string{
		`"nobody-has-this-name" lets nobody in: this machine has no user "nobody-has-this-name".`,
		`"@nor-this" lets nobody in: this machine has no group "nor-this".`,
		`"" lets nobody in: an entry is a user, "alice" or 1000, or a group, "@staff" or "@50".`,
		`"-1" lets nobody in: this machine has no user "-1".`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
}
