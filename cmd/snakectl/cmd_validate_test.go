package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	good := layout(t, map[string]string{"pools.hcl": tidy, "a.py": ""})
	a := newTestApp(t)
	if code := a.run(t, "validate", good); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, a.stderr)
	}
	if want := "pools.hcl: 1 pool, 1 runtime. The configuration is valid.\n"; a.stdout.String() != want {
		t.Errorf("stdout %q, want %q", a.stdout, want)
	}

	bad := layout(t, map[string]string{"pools.hcl": "pool \"api\" {\n  adapter = \"./a.py\"\n  sise = 2\n}\n\npool \"b\" {\n}\n", "a.py": ""})
	b := newTestApp(t)
	if code := b.run(t, "validate", bad); code != exitError {
		t.Errorf("exit code %d, want %d", code, exitError)
	}
	for _, want := range []string{"line 3", "sise", "size", "line 6"} {
		if !strings.Contains(b.stderr.String(), want) {
			t.Errorf("stderr %q, want %q", b.stderr, want)
		}
	}
}

func TestValidateJSON(t *testing.T) {
	bad := layout(t, map[string]string{"pools.hcl": "pool \"api\" {\n  adapter = \"./a.py\"\n  sise = 2\n}\n", "a.py": ""})
	a := newTestApp(t)
	if code := a.run(t, "validate", "--json", bad); code != exitError {
		t.Errorf("exit code %d, want %d", code, exitError)
	}
	var report struct {
		Valid       bool
		Errors      int `json:"error_count"`
		Diagnostics []struct {
			Severity, Summary, File string
			Line, Column            int
		}
	}
	if err := json.Unmarshal([]byte(a.stdout.String()), &report); err != nil {
		t.Fatalf("not JSON: %q: %v", a.stdout, err)
	}
	if report.Valid || report.Errors != 1 || len(report.Diagnostics) != 1 {
		t.Fatalf("report %+v", report)
	}
	d := report.Diagnostics[0]
	if filepath.Base(d.File) != "pools.hcl" || d.Line != 3 || d.Column != 3 || d.Severity != "error" {
		t.Errorf("diagnostic %+v", d)
	}

	good := layout(t, map[string]string{"pools.hcl": tidy, "a.py": ""})
	b := newTestApp(t)
	if code := b.run(t, "validate", "--json", good); code != exitOK || !strings.Contains(b.stdout.String(), `"diagnostics":[]`) {
		t.Errorf("exit code %d, stdout %q", code, b.stdout)
	}
}
