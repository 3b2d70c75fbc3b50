package planfile_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/snakectl/snakectl/internal/planfile"
	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

func sample() *planfile.File {
	desired := &pool.Desired{Runtimes: map[string]pool.Runtime{}, Pools: []pool.Pool{{Name: "api", Adapter: "./a.py", Size: 2, Set: []string{"adapter", "size"}}}}
	observed := pool.Observed{Lineage: "9d1f", Revision: 3, Pools: map[string]pool.ObservedPool{}}
	plan := planner.Decide(*desired, observed, planner.Options{})
	plan.Git = &pool.Git{Commit: "3f9c01d2", Branch: "main"}
	return &planfile.File{
		Manifest:  planfile.Manifest{Version: "1.2.3", Root: "/srv/app", Title: "pools.hcl: 1 pool", Message: "more"},
		Plan:      plan,
		Desired:   desired,
		Observed:  observed,
		Variables: map[string]json.RawMessage{"size": json.RawMessage("2"), "token": nil},
		Config:    map[string][]byte{"pools.hcl": []byte("pool \"api\" {}\n"), "conf/x.auto.hclvars": []byte("size = 2\n")},
	}
}

func encode(t testing.TB, f *planfile.File) []byte {
	t.Helper()
	b, err := planfile.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFileSurvives(t *testing.T) {
	want := sample()
	b := encode(t, want)
	if again := encode(t, sample()); !bytes.Equal(b, again) {
		t.Error("two writes of one plan differ")
	}
	got, err := planfile.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if got.Manifest.Lineage != "9d1f" || got.Manifest.BaseRevision != 3 || got.Manifest.Message != "more" || len(got.Manifest.Files) != 6 {
		t.Errorf("manifest = %+v", got.Manifest)
	}
	if diff := cmp.Diff(want.Config, got.Config); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(planner.Encode(want.Plan), planner.Encode(got.Plan)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.Desired, got.Desired, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("desired (-want +got):\n%s", diff)
	}
	if !bytes.Equal(encode(t, got), b) {
		t.Error("what was read is written with other bytes")
	}
}

// rewrite returns the plan file with its entries changed; a nil content drops one. The
// manifest is not made anew.
func rewrite(t *testing.T, b []byte, change map[string][]byte) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	put := func(name string, content []byte) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if other, changed := change[f.Name]; changed {
			content = other
			delete(change, f.Name)
		}
		if content != nil {
			put(f.Name, content)
		}
	}
	for name, content := range change {
		put(name, content)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestDecodeRefuses(t *testing.T) {
	good := encode(t, sample())
	many := map[string][]byte{}
	for i := range planfile.MaxEntries {
		many[fmt.Sprintf("config/%d.hcl", i)] = []byte("x")
	}
	tests := map[string]struct {
		file []byte
		want string
	}{
		"nothing":          {nil, "not a plan file"},
		"text":             {[]byte("pool \"api\" {}"), "not a plan file"},
		"half of it":       {good[:len(good)/2], "damaged"},
		"leads elsewhere":  {rewrite(t, good, map[string][]byte{"config/../../x": []byte("x")}), `entry "config/../../x"`},
		"an absolute path": {rewrite(t, good, map[string][]byte{"/etc/passwd": []byte("x")}), `entry "/etc/passwd"`},
		"backslashes":      {rewrite(t, good, map[string][]byte{`config/..\x`: []byte("x")}), "which no plan file has"},
		"a stranger":       {rewrite(t, good, map[string][]byte{"config/b.hcl": []byte("x")}), "manifest does not have config/b.hcl"},
		"too many":         {rewrite(t, good, many), "at most 64"},
		"a zip bomb":       {rewrite(t, good, map[string][]byte{"config/pools.hcl": bytes.Repeat([]byte{0}, planfile.MaxBytes)}), "unpacks to more than"},
		"another plan":     {rewrite(t, good, map[string][]byte{"plan.json": []byte(`{"format":1}`)}), "plan.json is not what was saved"},
		"no plan":          {rewrite(t, good, map[string][]byte{"plan.json": nil}), "plan.json is missing"},
		"no manifest":      {rewrite(t, good, map[string][]byte{"manifest.json": nil}), "manifest.json is missing"},
		"a newer format":   {rewrite(t, good, map[string][]byte{"manifest.json": []byte(`{"format":2,"version":"9.0.0"}`)}), "written by snakectl 9.0.0"},
		"bad manifest":     {rewrite(t, good, map[string][]byte{"manifest.json": []byte(`[`)}), "manifest.json: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := planfile.Decode(tt.file)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Decode = %v, want an error with %q", err, tt.want)
			}
		})
	}
	if _, err := planfile.Decode(nil); !errors.Is(err, planfile.ErrNotPlan) {
		t.Errorf("Decode(nil) = %v, want ErrNotPlan", err)
	}
}

func TestEncodeHoldsToTheLimits(t *testing.T) {
	f := sample()
	f.Config["big.hcl"] = make([]byte, planfile.MaxBytes)
	if _, err := planfile.Encode(f); err == nil || !strings.Contains(err.Error(), "at most 16777216") {
		t.Errorf("Encode of a large file: %v", err)
	}
	f = sample()
	for i := range planfile.MaxEntries {
		f.Config[fmt.Sprintf("%d.hcl", i)] = nil
	}
	if _, err := planfile.Encode(f); err == nil || !strings.Contains(err.Error(), "at most 64 entries") {
		t.Errorf("Encode of many files: %v", err)
	}
	f = sample()
	f.Config["../x.hcl"] = nil
	if _, err := planfile.Encode(f); err == nil {
		t.Error("Encode takes a name that leads elsewhere")
	}
}

// FuzzDecode: whatever is read as a plan can be written and read again.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, sample()))
	destroy := sample()
	destroy.Desired, destroy.Config, destroy.Plan.Options = nil, nil, planner.Options{Destroy: true}
	f.Add(encode(f, destroy))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := planfile.Decode(b)
		if err != nil {
			return
		}
		again, err := planfile.Encode(file)
		if err != nil {
			return // it is within the limits packed, and not with another manifest
		}
		if _, err := planfile.Decode(again); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}
