package library

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	locked = Python{"3.12.1", false}
	free   = Python{"3.13.5", true}
)

// TestNotes proves that each note names its page and its day, and that the libraries that
// people ask for have one.
func TestNotes(t *testing.T) {
	for _, s := range subjects {
		if len(s.notes) == 0 || len(s.modules) == 0 {
			t.Errorf("%v: a subject has modules and notes", s)
		}
		for _, name := range s.names {
			if Normalize(name) != name {
				t.Errorf("%s is not normalized", name)
			}
		}
		for _, n := range s.notes {
			page, err := url.Parse(n.source)
			_, day := time.Parse(time.DateOnly, n.checked)
			if err != nil || page.Scheme != "https" || page.Host == "" || day != nil {
				t.Errorf("%v: the note has the page %q, read on %q", s.modules, n.source, n.checked)
			}
			if n.says == "" || strings.HasSuffix(n.says, ".") || !slices.Contains(Uses, n.use) || n.verdict == Unknown || (n.verdict == Unfit && n.remedy == "") {
				t.Errorf("%v: the note %+v is not complete", s.modules, n)
			}
		}
	}
	for name := range strings.FieldsSeq(`numpy scipy torch tensorflow scikit-learn xgboost lightgbm transformers polars pandas matplotlib sqlite3 requests httpx
		aiohttp grpcio numexpr onnxruntime jax opencv-python pillow sqlalchemy spacy plotly psycopg2 ray celery`) {
		if l := (&Library{Name: name}); len(notesOn(l, Threads))+len(notesOn(l, Fork)) == 0 {
			t.Errorf("there is no note on %s", name)
		}
	}
}

func TestJudge(t *testing.T) {
	ext := "fast/_core.cpython-313t-x86_64-linux-gnu.so"
	tests := []struct {
		name    string
		library Library
		python  Python
		use     Use
		want    Verdict
		why     string
	}{
		{"a note", Library{Name: "matplotlib", Version: "3.9.0"}, locked, Threads, Unfit, "not thread-safe"},
		{"no note", Library{Name: "left-pad"}, locked, Threads, Unknown, "nothing is known"},
		{"a note on another use", Library{Name: "matplotlib"}, locked, Fork, Unknown, "nothing is known"},
		{"a version before", Library{Name: "xgboost", Version: "1.3.3"}, locked, Threads, Unfit, "from 1.4 on"},
		{"a version after", Library{Name: "xgboost", Version: "1.10.0rc1"}, locked, Threads, Fits, "thread-safe for trees"},
		{"no version", Library{Name: "xgboost"}, locked, Threads, Fits, "thread-safe for trees"},
		{"a module of Python's own", Library{Name: "sqlite3"}, locked, Fork, Care, "corrupt"},
		{"pure", Library{Name: "left-pad", Installed: true, Tags: []string{"py3-none-any"}}, free, FreeThreaded, Fits, "no extension module"},
		{"not installed", Library{Name: "left-pad"}, free, FreeThreaded, Unknown, "nothing is known"},
		{"not probed", Library{Name: "fast", Installed: true, Extensions: []string{ext}}, free, FreeThreaded, Unknown, "nothing is known"},
		{"probed", Library{Name: "fast", Installed: true, Extensions: []string{ext}, Probe: &Probe{Imported: 1}}, free, FreeThreaded, Fits, "another question"},
		{"turns it on", Library{Name: "fast", Installed: true, Extensions: []string{ext}, Probe: &Probe{Culprit: "fast._core"}}, free, FreeThreaded, Unfit, "turns the GIL on (fast._core)"},
		{"cannot be imported", Library{Name: "fast", Installed: true, Extensions: []string{ext}, Probe: &Probe{Failure: "it crashed"}}, free, FreeThreaded, Care, "it crashed"},
		{"stable ABI", Library{Name: "fast", Installed: true, Extensions: []string{"fast.abi3.so"}, Probe: &Probe{Imported: 1}}, free, FreeThreaded, Unfit, "fast.abi3.so is made for the stable ABI"},
		{"a wheel of the stable ABI", Library{Name: "fast", Wheel: "fast-1-cp39-abi3-linux_x86_64.whl"}, free, FreeThreaded, Unfit, "stable ABI"},
		{"another Python", Library{Name: "fast", Installed: true, Extensions: []string{"fast.cpython-313-x86_64-linux-gnu.so"}}, free, FreeThreaded, Unfit, "made for another Python than 3.13.5t"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Judge(&tt.library, tt.python, tt.use)
			if !ok || got.Verdict != tt.want || !strings.Contains(got.Why, tt.why) {
				t.Errorf("Judge = %+v, %v, want %s, %q", got, ok, tt.want, tt.why)
			}
			if got.Verdict != Unknown && len(got.Evidence) == 0 {
				t.Errorf("Judge = %+v, want evidence", got)
			}
		})
	}
	if _, ok := Judge(&Library{Name: "numpy"}, locked, FreeThreaded); ok {
		t.Error("a Python with a GIL was judged as free-threaded")
	}
}

// TestNothingIsCalledSafe: that the GIL stays off is never said to be more than that.
func TestNothingIsCalledSafe(t *testing.T) {
	for _, l := range []Library{{Name: "a", Installed: true}, {Name: "b", Installed: true, Extensions: []string{"b.so"}, Probe: &Probe{Imported: 3}}} {
		f, _ := Judge(&l, free, FreeThreaded)
		if f.Verdict != Fits || !strings.Contains(f.Why, "another question") || strings.Contains(f.Why, "thread-safe") {
			t.Errorf("Judge(%s) = %+v", l.Name, f)
		}
	}
}

func TestImports(t *testing.T) {
	source := "import os, numpy.linalg as la\nfrom  sklearn.svm import SVC\n  import cv2 # why\nimport json; import re\nfrom . import x\nfrom .y import z\nimported = 1\nfromage = 2\nimport torch as t, jax\n"
	want := []string{"cv2", "jax", "json", "numpy", "os", "sklearn", "torch"}
	if diff := cmp.Diff(want, Imports(source)); diff != "" {
		t.Errorf("Imports (-want +got):\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	all := []Library{{Name: "scikit-learn"}, {Name: "pillow", Modules: []string{"PIL"}}, {Name: "left-pad"}}
	for module, want := range map[string]string{
		"sklearn.svm": "scikit-learn", "PIL": "pillow", "left_pad": "left-pad", "sqlite3": "sqlite3",
	} {
		if got := Find(all, module); got == nil || got.Name != want {
			t.Errorf("Find(%s) = %+v, want %s", module, got, want)
		}
	}
	for _, module := range []string{"os", "torch", ""} {
		if got := Find(all, module); got != nil {
			t.Errorf("Find(%s) = %+v, want none", module, got)
		}
	}
}
