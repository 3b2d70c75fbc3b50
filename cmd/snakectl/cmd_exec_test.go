package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

func TestParseExec(t *testing.T) {
	tests := []struct {
		name  string
		words []string
		want  execTarget
	}{
		{"command alone", []string{"hello"}, execTarget{Command: "hello"}},
		{"second word is a name", []string{"api", "hello"}, execTarget{Pool: "pool.api", Command: "hello"}},
		{"second word is an object", []string{"hello", `{"a":1}`}, execTarget{Command: "hello", Args: `{"a":1}`}},
		{"second word is a list", []string{"hello", `[1]`}, execTarget{Command: "hello", Args: `[1]`}},
		{"second word is a file", []string{"hello", "@args"}, execTarget{Command: "hello", Args: "@args"}},
		{"second word is standard input", []string{"hello", "-"}, execTarget{Command: "hello", Args: "-"}},
		{"three words", []string{"api", "hello", "[]"}, execTarget{Pool: "pool.api", Command: "hello", Args: "[]"}},
		{"third word looks like a name", []string{"api", "hello", "x"}, execTarget{Pool: "pool.api", Command: "hello", Args: "x"}},
		{"member of a family", []string{"etl.eu", "load"}, execTarget{Pool: `pool.etl["eu"]`, Command: "load"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseExec(test.words)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("parseExec(%q) (-want +got):\n%s", test.words, diff)
			}
		})
	}
	if _, err := parseExec([]string{"no pool", "hello"}); err == nil {
		t.Error("parseExec takes a pool with a blank in its name")
	}
}

func TestReadArgs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "args.json")
	if err := os.WriteFile(file, []byte(" [1, 2]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, word, want, err string }{
		{"nothing", "", "", ""},
		{"object", `{"b": 1, "a": 2}`, `{"b": 1, "a": 2}`, ""},
		{"file", "@" + file, " [1, 2]\n", ""},
		{"standard input", "-", `{"in": true}`, ""},
		{"cut off", `{"a":`, "", "character 5"},
		{"two values", `{} {}`, "", "character 4"},
		{"a string", `"hello"`, "", "neither an object nor a list"},
		{"a number", `7`, "", "neither an object nor a list"},
		{"not JSON", `{a:1}`, "", `write one object, '{"name":"Ada"}'`},
		{"blanks", "  ", "", "empty"},
		{"no such file", "@" + file + ".no", "", "no such file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := readArgs(test.word, strings.NewReader(`{"in": true}`))
			if string(got) != test.want {
				t.Errorf("readArgs(%q) = %q, want %q", test.word, got, test.want)
			}
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("readArgs(%q) error = %v, want %q", test.word, err, test.err)
			}
		})
	}
}

func TestExecPrintsTheResult(t *testing.T) {
	echo := func(call wire.Call) ([]byte, *pool.CallError) {
		return []byte(`{"pool":"` + string(call.Pool) + `","command":"` + string(call.Command) + `","args":` + string(call.Body) + `}`), nil
	}
	tests := []struct {
		name string
		tty  bool
		args []string
		want string
	}{
		{
			"one line elsewhere", false,
			[]string{"exec", "api", "echo", `{"b":1,"a":"<&>"}`},
			`{"pool":"pool.api","command":"echo","args":{"b":1,"a":"<&>"}}` + "\n",
		},
		{
			"indented on a terminal", true,
			[]string{"exec", "echo", `[1]`},
			"{\n  \"pool\": \"\",\n  \"command\": \"echo\",\n  \"args\": [\n    1\n  ]\n}\n",
		},
		{
			"with its figures", false,
			[]string{"exec", "api", "echo", "[]", "--json"},
			`{"result":{"pool":"pool.api","command":"echo","args":[]},"worker":"pool.api/0@7f2c","queue_ms":1.5,"exec_ms":2}` + "\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := newTestApp(t).with(t, &fakeSupervisor{exec: echo})
			a.StdoutTTY = test.tty
			if code := a.run(t, test.args...); code != exitOK {
				t.Fatalf("exit code %d\n%s", code, a.stderr)
			}
			if diff := cmp.Diff(test.want, a.stdout.String()); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExecExitCodes(t *testing.T) {
	want := map[pool.Category]int{
		pool.CategoryRaised: 10, pool.CategoryInvalidArgument: 1, pool.CategoryTooLarge: 1, pool.CategoryDeadline: 11,
		pool.CategorySaturated: 12, pool.CategoryQueueTimeout: 12, pool.CategoryUnavailable: 12,
		pool.CategoryUnknownPool: 13, pool.CategoryUnknownCommand: 13, pool.CategoryWorkerDied: 14,
		pool.CategoryProtocol: 1, pool.CategoryInternal: 1, pool.CategoryCancelled: 130,
	}
	for category, code := range want {
		t.Run(string(category), func(t *testing.T) {
			failure := pool.NewCallError(category, "it went wrong")
			failure.Traceback, failure.Hint = "Traceback:\n  line 1", "do this next"
			f := &fakeSupervisor{exec: func(wire.Call) ([]byte, *pool.CallError) { return nil, failure }}
			a := newTestApp(t).with(t, f)
			if got := a.run(t, "exec", "api", "hello"); got != code {
				t.Errorf("exit code %d, want %d", got, code)
			}
			if got, want := a.stderr.String(), "Error: it went wrong\n  Traceback:\n    line 1\ndo this next\n"; got != want {
				t.Errorf("stderr %q, want %q", got, want)
			}
			b := newTestApp(t).with(t, f)
			if got := b.run(t, "exec", "api", "hello", "--json"); got != code {
				t.Errorf("with --json: exit code %d, want %d", got, code)
			}
			if !strings.HasPrefix(b.stdout.String(), `{"error":{"code":`) || b.stderr.String() != "" {
				t.Errorf("with --json: stdout %q, stderr %q", b.stdout, b.stderr)
			}
		})
	}
}

func TestExecRepeated(t *testing.T) {
	calls := make(chan struct{}, 100)
	f := &fakeSupervisor{exec: func(call wire.Call) ([]byte, *pool.CallError) {
		calls <- struct{}{}
		if string(call.Command) == "fail" {
			return nil, pool.NewCallError(pool.CategoryRaised, "always")
		}
		return []byte("1"), nil
	}}
	a := newTestApp(t).with(t, f)
	if code := a.run(t, "exec", "api", "one", "--repeat", "20", "--concurrency", "4"); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, a.stderr)
	}
	if len(calls) != 20 || !strings.Contains(a.stdout.String(), "20 ok, 0 failed") {
		t.Errorf("%d calls made, report %q", len(calls), a.stdout)
	}
	b := newTestApp(t).with(t, f)
	if code := b.run(t, "exec", "api", "fail", "--repeat", "3"); code != exitRaised {
		t.Errorf("exit code %d, want %d", code, exitRaised)
	}
	if !strings.Contains(b.stdout.String(), "3 failed: raised") {
		t.Errorf("report %q", b.stdout)
	}
}

func TestExecWithoutSupervisor(t *testing.T) {
	a := newTestApp(t)
	if code := a.run(t, "exec", "hello"); code != exitError {
		t.Errorf("exit code %d, want %d", code, exitError)
	}
	if !strings.Contains(a.stderr.String(), `nothing was applied to it: run "snakectl apply" first`) {
		t.Errorf("stderr %q", a.stderr)
	}
	if _, err := os.Stat(a.dir); err == nil {
		t.Error("exec created the instance directory")
	}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(a.dir, "state.db"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newTestApp(t)
	if code := b.run(t, "--instance", a.dir, "exec", "hello", "--no-start"); code != exitError {
		t.Errorf("exit code %d, want %d", code, exitError)
	}
	if !strings.Contains(b.stderr.String(), "--no-start forbids") {
		t.Errorf("stderr %q", b.stderr)
	}
}
