package worker_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

func TestExplain(t *testing.T) {
	const mib = 1 << 20
	exited := func(code int) worker.Exit { return worker.Exit{Known: true, Code: code} }
	by := func(sig syscall.Signal) worker.Exit { return worker.Exit{Known: true, Code: -1, Signal: sig} }
	counted := worker.MemoryUse{Limit: 64 * mib, Peak: 64 * mib, Counted: true, Kills: 1}
	spared := worker.MemoryUse{Limit: 64 * mib, Counted: true}
	for name, tt := range map[string]struct {
		exit          worker.Exit
		circumstances worker.Circumstances
		want          pool.Death
		summary       string
	}{
		"status 0": {exited(0), worker.Circumstances{}, pool.Death{Class: pool.DeathExit, Text: "exited with status 0"}, "exited 0"},
		"status 3": {exited(3), worker.Circumstances{}, pool.Death{Class: pool.DeathExit, Text: "exited with status 3", ExitCode: 3}, "exited 3"},
		"it said why": {
			exited(1),
			worker.Circumstances{Said: "RuntimeError: away"},
			pool.Death{Class: pool.DeathExit, Text: "exited with status 1", ExitCode: 1, Reason: "RuntimeError: away"},
			"RuntimeError: away",
		},
		"SIGTERM": {
			by(syscall.SIGTERM),
			worker.Circumstances{},
			pool.Death{Class: pool.DeathSignal, Text: "was killed by SIGTERM", ExitCode: 143, Signal: "SIGTERM"},
			"exited 143 (SIGTERM)",
		},
		"SIGKILL, uncounted": {
			by(syscall.SIGKILL),
			worker.Circumstances{},
			pool.Death{
				Class: pool.DeathSignal, Text: "was killed by SIGKILL", ExitCode: 137, Signal: "SIGKILL",
				Hint: "nobody here sent it that SIGKILL: maybe the kernel's out-of-memory killer did, see dmesg",
			},
			"exited 137 (SIGKILL)",
		},
		"SIGKILL, counted and not at the limit": {
			by(syscall.SIGKILL),
			worker.Circumstances{Memory: spared},
			pool.Death{
				Class: pool.DeathSignal, Text: "was killed by SIGKILL", ExitCode: 137, Signal: "SIGKILL", MemoryLimitBytes: 64 * mib,
			},
			"exited 137 (SIGKILL)",
		},
		"out of memory": {
			by(syscall.SIGKILL),
			worker.Circumstances{Memory: counted},
			pool.Death{
				Class: pool.DeathOOM, Text: "was killed: out of memory (limit 64MiB, peak 64.0MiB)", ExitCode: 137, Signal: "SIGKILL",
				MemoryLimitBytes: 64 * mib, PeakRSSBytes: 64 * mib,
			},
			"exited 137 (killed: out of memory)",
		},
		"out of memory, and no figures": {
			by(syscall.SIGKILL),
			worker.Circumstances{Memory: worker.MemoryUse{Counted: true, Kills: 2}},
			pool.Death{Class: pool.DeathOOM, Text: "was killed: out of memory", ExitCode: 137, Signal: "SIGKILL"},
			"exited 137 (killed: out of memory)",
		},
		"out of memory, and its status is unknown": {
			worker.Exit{},
			worker.Circumstances{Memory: counted},
			pool.Death{
				Class: pool.DeathOOM, Text: "was killed: out of memory (limit 64MiB, peak 64.0MiB)", ExitCode: -1,
				MemoryLimitBytes: 64 * mib, PeakRSSBytes: 64 * mib,
			},
			"killed: out of memory",
		},
		"a child was out of memory": {
			exited(1),
			worker.Circumstances{Memory: counted},
			pool.Death{Class: pool.DeathExit, Text: "exited with status 1", ExitCode: 1, MemoryLimitBytes: 64 * mib, PeakRSSBytes: 64 * mib},
			"exited 1",
		},
		"SIGSEGV": {
			worker.Exit{Known: true, Code: -1, Signal: syscall.SIGSEGV, CoreDumped: true, User: 2 * time.Second, System: time.Second, MaxRSS: mib},
			worker.Circumstances{},
			pool.Death{
				Class: pool.DeathSegfault, Text: "was killed by SIGSEGV (segmentation fault)", ExitCode: 139, Signal: "SIGSEGV",
				CoreDumped: true, UserUS: 2_000_000, SystemUS: 1_000_000, PeakRSSBytes: mib,
			},
			"exited 139 (SIGSEGV)",
		},
		"SIGBUS": {
			by(syscall.SIGBUS),
			worker.Circumstances{},
			pool.Death{
				Class: pool.DeathSegfault, Text: "was killed by SIGBUS (bus error)", ExitCode: 128 + int(syscall.SIGBUS), Signal: "SIGBUS",
			},
			"exited 135 (SIGBUS)",
		},
		"SIGABRT": {
			by(syscall.SIGABRT),
			worker.Circumstances{},
			pool.Death{Class: pool.DeathAbort, Text: "was killed by SIGABRT (aborted)", ExitCode: 134, Signal: "SIGABRT"},
			"exited 134 (SIGABRT)",
		},
		"SIGFPE": {
			by(syscall.SIGFPE),
			worker.Circumstances{},
			pool.Death{Class: pool.DeathSignal, Text: "was killed by SIGFPE (floating point exception)", ExitCode: 136, Signal: "SIGFPE"},
			"exited 136 (SIGFPE)",
		},
		"killed by us": {
			by(syscall.SIGKILL),
			worker.Circumstances{Killed: "it was stuck", Memory: counted},
			pool.Death{
				Class: pool.DeathKilled, Text: "was killed: it was stuck", Reason: "it was stuck", ExitCode: 137, Signal: "SIGKILL",
				MemoryLimitBytes: 64 * mib, PeakRSSBytes: 64 * mib,
			},
			"exited 137 (killed: it was stuck)",
		},
		"adopted": {
			worker.Exit{},
			worker.Circumstances{},
			pool.Death{Class: pool.DeathUnknown, Text: "ended (status unknown: a former supervisor started it)", ExitCode: -1},
			"ended (status unknown)",
		},
		"adopted and killed by us": {
			worker.Exit{},
			worker.Circumstances{Killed: "it was stuck"},
			pool.Death{Class: pool.DeathKilled, Text: "was killed: it was stuck", Reason: "it was stuck", ExitCode: -1},
			"was killed: it was stuck",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := worker.Explain(tt.exit, tt.circumstances)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Explain (-want +got):\n%s", diff)
			}
			if got := got.Summary(); got != tt.summary {
				t.Errorf("Summary = %q, want %q", got, tt.summary)
			}
		})
	}
}

func TestLastWords(t *testing.T) {
	const dump = "Fatal Python error: Segmentation fault\n\nThread 0x00007f01 (most recent call first):\n  File \"a.py\", line 1 in wait\n\n" +
		"Current thread 0x00007f02 [MainThread] (most recent call first):\n  File \"b.py\", line 2 in boom\n\n" +
		"Extension modules: numpy.core (total: 1)\n"
	const stack = "Fatal Python error: Segmentation fault\nCurrent thread 0x00007f02 [MainThread] (most recent call first):\n" +
		"  File \"b.py\", line 2 in boom\nThread 0x00007f01 (most recent call first):\n  File \"a.py\", line 1 in wait"
	deep := "Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n" + strings.Repeat("  File \"deep.py\", line 1 in recurse\n", 1000)
	for name, tt := range map[string]struct {
		signal, text  string
		stack, stderr string
	}{
		"nothing":               {"SIGSEGV", "", "", ""},
		"no dump":               {"SIGSEGV", "one\ntwo\n", "", "one\ntwo"},
		"a dump at the end":     {"SIGSEGV", "before\n" + dump, stack, "before"},
		"words behind the dump": {"SIGABRT", "before\n" + dump + "after\n", stack, "before\nafter"},
		"the last of two dumps": {"SIGSEGV", "Fatal Python error: Aborted\nx\n" + dump, stack, "Fatal Python error: Aborted\nx"},
		"a line that never ended": {
			"SIGSEGV", "half" + dump, stack, "half",
		},
		"a runtime state": {
			"SIGABRT", "Fatal Python error: f: bad\nPython runtime state: initialized\n\nCurrent thread 0x1 (most recent call first):\n  <no Python frame>\n",
			"Fatal Python error: f: bad\nPython runtime state: initialized\nCurrent thread 0x1 (most recent call first):\n  <no Python frame>", "",
		},
		"another process's dump": {"SIGKILL", dump, "", strings.TrimRight(dump, "\n")},
		"an exit":                {"", dump, "", strings.TrimRight(dump, "\n")},
	} {
		t.Run(name, func(t *testing.T) {
			d := lastWords(t, tt.signal, tt.text)
			if d.Stack != tt.stack || d.Stderr != tt.stderr {
				t.Errorf("LastWords of %q = %q and %q, want %q and %q", tt.text, d.Stack, d.Stderr, tt.stack, tt.stderr)
			}
		})
	}
	t.Run("a deep stack is cut", func(t *testing.T) {
		d := lastWords(t, "SIGABRT", "before\n"+deep)
		if len(d.Stack) > 9<<10 || !strings.HasPrefix(d.Stack, "Fatal Python error: Aborted\nCurrent thread") || !strings.HasSuffix(d.Stack, "\n  ... (cut)") {
			t.Errorf("the stack has %d bytes: %.80q", len(d.Stack), d.Stack)
		}
		if d.Stderr != "before" {
			t.Errorf("the other words are %q", d.Stderr)
		}
	})
}

func lastWords(t *testing.T, signal, text string) pool.Death {
	t.Helper()
	d := pool.Death{Class: pool.DeathSignal, Signal: signal}
	worker.LastWords(&d, []byte(text), false)
	return d
}

func TestTail(t *testing.T) {
	many := ""
	for i := range 100 {
		many += fmt.Sprintf("line %d\n", i)
	}
	for name, c := range map[string]struct {
		text string
		cut  bool
		want string
	}{
		"empty":                  {"", false, ""},
		"no newline at the end":  {"a\nb", false, "a\nb"},
		"the end of a line":      {"a\nb", true, "b"},
		"twenty lines":           {many, false, strings.TrimSuffix(many[strings.Index(many, "line 80"):], "\n")},
		"no cut line":            {strings.Repeat("y", 3000) + "\n" + strings.Repeat("z", 3000) + "\n", false, strings.Repeat("z", 3000)},
		"one line that is long":  {strings.Repeat("y", 9000), false, strings.Repeat("y", 4096)},
		"bytes that are no text": {"a\xffb\n", false, "a�b"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, worker.Tail([]byte(c.text), c.cut)); diff != "" {
				t.Errorf("Tail (-want +got):\n%s", diff)
			}
		})
	}
}
