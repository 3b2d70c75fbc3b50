package pool_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
)

func TestParseThreads(t *testing.T) {
	const text = `Thread 0x00007f01 [snakepit] (most recent call first):
  File "control.py", line 12 in _serve

Current thread 0x00007f03 (most recent call first):
  File "my dir/a.py", line ??? in boom
  File "__main__.py", line 33 in <module>

Thread 0x00007f02 (most recent call first):
  <no Python frame>
`
	want := []pool.Thread{
		{ID: "0x00007f03", Main: true, Frames: []pool.Frame{{File: "my dir/a.py", Function: "boom"}, {File: "__main__.py", Line: 33, Function: "<module>"}}},
		{ID: "0x00007f01", Name: "snakepit", Frames: []pool.Frame{{File: "control.py", Line: 12, Function: "_serve"}}},
		{ID: "0x00007f02", Frames: []pool.Frame{{Text: "<no Python frame>"}}},
	}
	if diff := cmp.Diff(want, pool.ParseThreads(text)); diff != "" {
		t.Errorf("ParseThreads (-want +got):\n%s", diff)
	}
	for _, odd := range []string{"", "nothing of the kind\n", "  File \"a.py\", line 1 in f\n"} {
		if got := pool.ParseThreads(odd); got != nil {
			t.Errorf("ParseThreads(%q) = %v", odd, got)
		}
	}
	// A stack too deep to show its bottom belongs to the oldest thread, which is last.
	deep := pool.ParseThreads("Thread 0x1 (most recent call first):\n  File \"a.py\", line 1 in f\n\nThread 0x2 (most recent call first):\n  File \"b.py\", line 1 in g\n  ...\n")
	if deep[0].ID != "0x2" || !deep[0].Main || deep[1].Main {
		t.Errorf("the main thread of a deep stack is %+v", deep)
	}
	s := pool.Stacks{Call: &pool.DeathCall{ID: "0123456789abcdef", Command: "boom", RanUS: 1_200_000}, Threads: want}
	if got := s.String(); !strings.HasPrefix(got, "Thread 0x00007f03, the main thread, executes boom (call 01234567, for 1.2s) (most recent call first):\n  File \"my dir/a.py\", line 0 in boom\n") {
		t.Errorf("String = %s", got)
	}
}
