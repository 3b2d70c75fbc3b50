package planner_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/test/golden"
)

func TestDecodeRefuses(t *testing.T) {
	const change = `{"address":"pool.a","action":"create"}`
	tests := map[string]struct{ text, want string }{
		"nothing":           {``, "EOF"},
		"not an object":     {`[]`, "cannot unmarshal array"},
		"another format":    {`{"format":2}`, "its format is 2 and this version reads format 1; make the plan again"},
		"no format":         {`{}`, "its format is 0"},
		"more after it":     {`{"format":1} {}`, "something follows its end"},
		"unknown action":    {`{"format":1,"changes":[{"address":"pool.a","action":"explode"}]}`, `"explode" is not an action`},
		"a listed no-op":    {`{"format":1,"changes":[{"address":"pool.a","action":"no-op"}]}`, `"no-op" is not an action`},
		"no address":        {`{"format":1,"changes":[{"action":"create"}]}`, `the address "" is empty`},
		"an address twice":  {`{"format":1,"changes":[` + change + `,` + change + `]}`, `"pool.a" is empty or appears twice`},
		"nested too deeply": {`{"format":1,"changes":[{"address":"pool.a","action":"create","attributes":[{"new":` + strings.Repeat("[", 100_000), "exceeded max depth"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := planner.Decode([]byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Decode = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestEncodeOfNothingHasLists(t *testing.T) {
	got := string(planner.Encode(planner.Plan{Format: planner.Format}))
	for _, want := range []string{`"changes":[]`, `"drift":[]`} {
		if !strings.Contains(got, want) {
			t.Errorf("Encode = %s, want %s in it", got, want)
		}
	}
	if strings.ContainsAny(got, "\n") {
		t.Errorf("Encode = %q, want one line", got)
	}
}

// FuzzDecode feeds bytes from outside: Decode never panics, and what it accepts
// encodes to bytes that it accepts again and that encode to themselves.
func FuzzDecode(f *testing.F) {
	archives, err := filepath.Glob("testdata/plan/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(golden.Section(archive, "plan.json"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		plan, err := planner.Decode(text)
		if err != nil {
			return
		}
		once := planner.Encode(plan)
		again, err := planner.Decode(once)
		if err != nil {
			t.Fatalf("Decode(Encode(p)): %v\n%s", err, once)
		}
		if twice := planner.Encode(again); !bytes.Equal(once, twice) {
			t.Fatalf("two encodings of one plan:\n%s\n%s", once, twice)
		}
		planner.Steps(plan)
		if more := planner.Exceeds(plan, plan); len(more) > 0 {
			t.Fatalf("a plan exceeds itself: %q", more)
		}
	})
}
