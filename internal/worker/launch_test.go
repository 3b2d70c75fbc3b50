package worker_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/worker"
)

func TestEnvironment(t *testing.T) {
	base := []string{"PATH=/bin", "HOME=/root", "SNAKECTL_INSTANCE=/i", "NOTIFY_SOCKET=/n", "OMP_NUM_THREADS=8", "odd"}
	got := worker.Environment(base, map[string]string{"HOME": "/srv", "MKL_NUM_THREADS": "2", worker.Marker: "forged"}, "line:pool.api/0@1")
	want := []string{
		"HOME=/srv", "MKL_NUM_THREADS=2", "NUMEXPR_NUM_THREADS=1", "OMP_NUM_THREADS=8", "OPENBLAS_NUM_THREADS=1",
		"PATH=/bin", worker.Marker + "=line:pool.api/0@1", "VECLIB_MAXIMUM_THREADS=1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Environment (-want +got):\n%s", diff)
	}
}

// TestStart hands the document over by descriptor 3, be it short or longer than a
// pipe holds, and collects what the worker writes.
func TestStart(t *testing.T) {
	dir := t.TempDir()
	script, log := filepath.Join(dir, "sdk"), filepath.Join(dir, "logs", "0.log")
	text := "echo started \"$@\"; cat <&3 >\"$OUT\"; echo \"$SNAKEPIT_WORKER\" >&2\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"short": 1, "long": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			doc := worker.Launch{
				Version: 1, Address: "pool.api/0", Incarnation: name, Token: "secret", Config: map[string]any{"text": strings.Repeat("x", size)},
			}
			p, offset, err := worker.Start(reaper, worker.StartInfo{
				Interpreter: "/bin/sh", SDK: script, Dir: dir, Env: map[string]string{"OUT": out}, Lineage: "line", Log: log,
			}, doc)
			if err != nil {
				t.Fatal(err)
			}
			if exit := wait(t, p); exit.Code != 0 {
				t.Fatalf("the script %s: %s", exit, worker.Tail(log, offset))
			}
			want := fmt.Sprintf("started worker pool.api/0\nline:pool.api/0@%s", name)
			if got := worker.Tail(log, offset); got != want {
				t.Errorf("Tail = %q, want %q", got, want)
			}
			b, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			var got worker.Launch
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(doc, got); diff != "" {
				t.Errorf("the document (-written +read):\n%s", diff)
			}
		})
	}
}

func TestTail(t *testing.T) {
	many := ""
	for i := range 100 {
		many += fmt.Sprintf("line %d\n", i)
	}
	for name, c := range map[string]struct {
		text   string
		offset int64
		want   string
	}{
		"empty":                  {"", 0, ""},
		"no newline at the end":  {"a\nb", 0, "a\nb"},
		"of this worker alone":   {"former\nmine\n", 7, "mine"},
		"rotated meanwhile":      {"a\n", 100, "a"},
		"twenty lines":           {many, 0, strings.TrimSuffix(many[strings.Index(many, "line 80"):], "\n")},
		"no cut line":            {strings.Repeat("y", 3000) + "\n" + strings.Repeat("z", 3000) + "\n", 0, strings.Repeat("z", 3000)},
		"one line that is long":  {strings.Repeat("y", 9000), 0, strings.Repeat("y", 4096)},
		"bytes that are no text": {"a\xffb\n", 0, "a�b"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, worker.Tail(path, c.offset)); diff != "" {
				t.Errorf("Tail (-want +got):\n%s", diff)
			}
		})
	}
	if got := worker.Tail(filepath.Join(t.TempDir(), "none"), 0); got != "" {
		t.Errorf("Tail of no file = %q", got)
	}
}

func TestRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := worker.Rotate(path); err != nil {
		t.Errorf("Rotate of no file: %v", err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write := func(size int) {
		t.Helper()
		if _, err := f.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	sizes := func() []int64 {
		t.Helper()
		if err := worker.Rotate(path); err != nil {
			t.Fatal(err)
		}
		out := []int64{}
		for _, name := range []string{path, path + ".1"} {
			if info, err := os.Stat(name); err == nil {
				out = append(out, info.Size())
			}
		}
		return out
	}
	write(10<<20 - 1)
	if diff := cmp.Diff([]int64{10<<20 - 1}, sizes()); diff != "" {
		t.Errorf("sizes of a short log (-want +got):\n%s", diff)
	}
	write(1)
	if diff := cmp.Diff([]int64{0, 10 << 20}, sizes()); diff != "" {
		t.Errorf("sizes of a long log (-want +got):\n%s", diff)
	}
	write(5) // the worker has it open
	if diff := cmp.Diff([]int64{5, 10 << 20}, sizes()); diff != "" {
		t.Errorf("sizes after more was written (-want +got):\n%s", diff)
	}
}

func TestSignalByName(t *testing.T) {
	for name, want := range map[string]string{"TERM": "terminated", "INT": "interrupt", "KILL": "killed", "USR1": "user defined signal 1", "": "terminated"} {
		if got := worker.SignalByName(name).String(); got != want {
			t.Errorf("SignalByName(%q) = %s, want %s", name, got, want)
		}
	}
}
