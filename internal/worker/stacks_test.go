package worker_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/worker"
)

// listening is a Python program that has two threads and writes their stacks to the
// file in $OUT: all of them, or only the one that gets the signal.
const listening = `exec python3 -c '
import faulthandler, os, signal, threading, time
def other():
    threading.Event().wait()
threading.Thread(target=other, daemon=True).start()
f = open(os.environ["OUT"], "ab")
faulthandler.register(signal.SIGUSR1, file=f, all_threads=os.environ["ALL"] == "1")
def main_one():
    print("ready", flush=True)
    time.sleep(300)
main_one()
'`

func TestStacks(t *testing.T) {
	for name, all := range map[string]string{"all threads at once": "1", "one by one, as a free-threaded Python": "0"} {
		t.Run(name, func(t *testing.T) {
			if all == "0" && runtime.GOOS != "linux" {
				t.Skip("single threads are signalled on Linux alone")
			}
			out := filepath.Join(t.TempDir(), "stacks")
			p, lines := shell(t, listening, "OUT="+out, "ALL="+all)
			if line, err := lines.ReadString('\n'); err != nil || line != "ready\n" {
				t.Fatalf("the program says %q, %v", line, err)
			}
			for range 3 { // the second time nothing of the first is left
				text, err := p.Stacks(t.Context(), out)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Count(text, "in main_one\n") != 1 || strings.Count(text, "in other\n") != 1 || strings.Count(text, "hread 0x") != 2 {
					t.Errorf("Stacks =\n%s", text)
				}
			}
			if !p.Alive() {
				t.Error("the process did not survive")
			}
		})
	}
}

// A process that has no handler would die of the signal: it does not get it.
func TestStacksOfWhoDoesNotListen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("handlers can be seen on Linux alone")
	}
	out := filepath.Join(t.TempDir(), "stacks")
	p, _ := shell(t, "exec sleep 300")
	if text, err := p.Stacks(t.Context(), out); !errors.Is(err, worker.ErrNoStacks) {
		t.Errorf("Stacks = %q, %v, want ErrNoStacks", text, err)
	}
	if !p.Alive() {
		t.Fatal("the process died of it")
	}
	deaf, lines := shell(t, "trap 'exit 9' TERM; trap true USR1; echo ready; while :; do read nothing <&-; sleep 0.01; done")
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(out, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if text, err := deaf.Stacks(ctx, out); err == nil || !strings.Contains(err.Error(), "in time") {
		t.Errorf("Stacks = %q, %v, want that it took too long", text, err)
	}
}
