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
	want := []string{"HOME=/srv", "MKL_NUM_THREADS=2", "OMP_NUM_THREADS=8", "PATH=/bin", worker.Marker + "=line:pool.api/0@1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Environment (-want +got):\n%s", diff)
	}
}

func TestDifferences(t *testing.T) {
	info := worker.StartInfo{Env: map[string]string{"A": "1", "B": "2", "C": "3"}}
	want := map[string]string{"B": "2", "C": "3"}
	if diff := cmp.Diff(want, info.Differences(worker.StartInfo{Env: map[string]string{"A": "1", "B": "1"}})); diff != "" {
		t.Errorf("Differences (-want +got):\n%s", diff)
	}
}

// TestStart hands the document over by descriptor 3, be it short or longer than a
// pipe holds, and collects what the worker writes.
func TestStart(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "sdk")
	text := "echo started \"$@\"; cat <&3 >\"$OUT\"; echo \"$SNAKEPIT_WORKER\" >&2\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"short": 1, "long": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			log := filepath.Join(t.TempDir(), "log")
			doc := worker.Launch{
				Version: 1, Address: "pool.api/0", Incarnation: name, Token: "secret", Config: map[string]any{"text": strings.Repeat("x", size)},
			}
			p, err := worker.Start(reaper, worker.StartInfo{
				Interpreter: "/bin/sh", SDK: script, Dir: dir, Env: map[string]string{"OUT": out}, Lineage: "line", Log: log,
			}, doc)
			if err != nil {
				t.Fatal(err)
			}
			if exit := wait(t, p); exit.Code != 0 {
				t.Fatalf("the script %s", exit)
			}
			want := fmt.Sprintf("started worker pool.api/0\nline:pool.api/0@%s\n", name)
			if got, err := os.ReadFile(log); err != nil || string(got) != want {
				t.Errorf("the log = %q (%v), want %q", got, err, want)
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

func TestSignalByName(t *testing.T) {
	for name, want := range map[string]string{"TERM": "terminated", "INT": "interrupt", "KILL": "killed", "USR1": "user defined signal 1", "": "terminated"} {
		if got := worker.SignalByName(name).String(); got != want {
			t.Errorf("SignalByName(%q) = %s, want %s", name, got, want)
		}
	}
}
