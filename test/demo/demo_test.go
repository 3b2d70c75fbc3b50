package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/snakectl/snakectl/test/harness"
)

// limit is what a demo may take on a machine that runs every other test as well.
const limit = 3 * time.Minute

func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("the demo starts real processes")
	}
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := harness.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}

	t.Run("truth", func(t *testing.T) {
		t.Parallel()
		s := start(t, root, binary)
		if code := s.wait(); code != 0 {
			t.Fatalf("the demo exits with %d:\n%s", code, s.output())
		}
		for _, want := range []string{"10. Destroy", " claims were checked and are true."} {
			if !strings.Contains(s.output(), want) {
				t.Errorf("the demo does not say %q:\n%s", want, s.output())
			}
		}
		if out := s.output(); strings.ContainsAny(out, "\r\x1b") {
			t.Errorf("the demo controls a terminal that is none:\n%q", out)
		}
	})

	// Each sabotage makes one claim false: a command of the program that lies, or an
	// example that does not do what it should.
	sabotages := []struct {
		name string
		// instead is what the program does, in shell; "real" is the path of the true one.
		instead string
		// from and to change the adapter.
		from, to string
		want     string
	}{
		{
			name:    "exec_fails",
			instead: `case $1 in exec) echo "no worker answers" >&2; exit 10 ;; esac`,
			want:    "not true: exit code 0: answered: it was 10",
		},
		{
			name:    "exec_invents",
			instead: `case "$2 $3" in "profile words") echo '[{"value":"the","count":1}]'; exit ;; esac`,
			want:    "not true: the counts are those of another way to count",
		},
		{
			name: "adapter_errs",
			from: "sum(numbers) / len(numbers)", to: "sum(numbers) / (len(numbers) + 1)",
			want: "not true: the figures are those of Python's statistics module",
		},
		{
			name:    "plan_starts_things",
			instead: `case $1 in plan) mkdir -p "$SNAKECTL_INSTANCE" ;; esac`,
			want:    "not true: nothing was started or written",
		},
		{
			name:    "apply_does_nothing",
			instead: `if [ "$1" = apply ] && [ -e "$SNAKECTL_INSTANCE" ]; then exit 0; fi`,
			want:    "not true: four workers are ready",
		},
		{
			name:    "calls_fail_under_load",
			instead: `case $* in *--repeat*) "$real" "$@" | sed 's/"failed":0/"failed":3/'; exit ;; esac`,
			want:    "not true: no call failed: ",
		},
		{
			name: "edit_is_lost",
			from: "    return VERSION", to: "    return 1",
			want: "not true: the new code answers 2",
		},
		{
			name:    "destroy_does_nothing",
			instead: `case $1 in destroy) exit 0 ;; esac`,
			want:    "not true: no worker process is left",
		},
	}
	for _, test := range sabotages {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, root, sabotaged(t, binary, test.instead), "SNAKECTL_DEMO_EXAMPLES="+examples(t, root, test.from, test.to))
			if code := s.wait(); code != 1 || !strings.Contains(s.output(), test.want) {
				t.Errorf("the demo exits with %d, want 1 and %q:\n%s", code, test.want, s.output())
			}
		})
	}

	interrupts := []struct {
		after string
		sent  syscall.Signal
		want  int
	}{
		{"3. Apply", syscall.SIGINT, 130},
		{"Started the supervisor", syscall.SIGTERM, 143},
		{"7. Roll", syscall.SIGINT, 130},
	}
	for _, test := range interrupts {
		t.Run(fmt.Sprintf("%v_after_%.5s", test.sent, test.after), func(t *testing.T) {
			t.Parallel()
			s := start(t, root, binary, "SNAKECTL_DEMO_EXAMPLES="+examples(t, root, "", ""))
			if !harness.Until(t.Context(), limit, func() bool { return strings.Contains(s.output(), test.after) || s.ended() }) {
				t.Errorf("the demo does not say %q", test.after)
			}
			if err := s.cmd.Process.Signal(test.sent); err != nil {
				t.Errorf("cannot interrupt the demo: %v", err)
			}
			if code := s.wait(); code != test.want {
				t.Errorf("the demo exits with %d, want %d:\n%s", code, test.want, s.output())
			}
		})
	}

	t.Run("too_slow", func(t *testing.T) {
		t.Parallel()
		hangs := sabotaged(t, binary, `if [ "$1" = apply ]; then "$real" "$@"; exec sleep 1000; fi`)
		s := start(t, root, hangs, "SNAKECTL_DEMO_LIMIT=5")
		if code := s.wait(); code != 1 || !strings.Contains(s.output(), "not true: the demo ends within 5 s") {
			t.Errorf("the demo exits with %d:\n%s", code, s.output())
		}
	})
}

// show is one run of the demo.
type show struct {
	t        *testing.T
	cmd      *exec.Cmd
	instance *harness.Instance
	tmp      string
	done     chan struct{} // closed when the demo has ended

	mu   sync.Mutex // guards said
	said bytes.Buffer
}

// start starts the demo of a binary. Its wait must be called.
func start(t *testing.T, root, binary string, env ...string) *show {
	t.Helper()
	instance, err := harness.New(t.Context(), binary)
	if err != nil {
		t.Fatal(err)
	}
	s := &show{t: t, instance: instance, tmp: t.TempDir(), done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), limit+30*time.Second)
	t.Cleanup(cancel)
	s.cmd = exec.CommandContext(ctx, "bash", filepath.Join(root, "scripts", "demo.sh"))
	s.cmd.Env = append(instance.Env(), "TMPDIR="+s.tmp, "SNAKECTL="+binary, fmt.Sprintf("SNAKECTL_DEMO_LIMIT=%.0f", limit.Seconds()))
	// A binary with the race detector otherwise lingers for a second at each exit.
	s.cmd.Env = append(append(s.cmd.Env, "GORACE=atexit_sleep_ms=0"), env...)
	s.cmd.Stdout, s.cmd.Stderr = s, s
	s.cmd.WaitDelay = 10 * time.Second
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		var exit *exec.ExitError
		if err := s.cmd.Wait(); err != nil && !errors.As(err, &exit) {
			t.Errorf("the demo: %v", err)
		}
	}()
	return s
}

// wait returns the demo's exit code and fails the test when it left something.
func (s *show) wait() int {
	s.t.Helper()
	<-s.done
	left, err := s.instance.Processes()
	if err != nil || len(left) > 0 {
		s.t.Errorf("processes are left: %v, %v", left, err)
	}
	if err := s.instance.Close(context.WithoutCancel(s.t.Context())); err != nil {
		s.t.Error(err)
	}
	files, err := os.ReadDir(s.tmp)
	if err != nil || len(files) > 0 {
		s.t.Errorf("files are left: %v, %v", files, err)
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *show) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// Write takes what the demo prints.
func (s *show) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.Write(text)
}

func (s *show) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// sabotaged returns a program that does what the shell text says and then, unless
// that has ended it, what the binary does.
func sabotaged(t *testing.T, binary, instead string) string {
	t.Helper()
	if instead == "" {
		return binary
	}
	path := filepath.Join(t.TempDir(), "snakectl")
	text := fmt.Sprintf("#!/usr/bin/env bash\nreal='%s'\n%s\nexec \"$real\" \"$@\"\n", binary, instead)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// examples returns a copy of the quickstart example whose rollout does not wait two
// seconds for each worker, with a text of its adapter replaced.
func examples(t *testing.T, root, from, to string) string {
	t.Helper()
	source, dir := filepath.Join(root, "examples"), t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS(filepath.Join(source, "data"))); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(source, "quickstart.hcl"), dir, "size    = 2\n", "size    = 2\n  update { min_healthy_time = \"0s\" }\n")
	edit(t, filepath.Join(source, "quickstart_adapter.py"), dir, from, to)
	return dir
}

// edit copies a file into a directory with one text replaced, which must be there.
func edit(t *testing.T, file, dir, from, to string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(from)) {
		t.Fatalf("%s does not contain %q", file, from)
	}
	text = bytes.Replace(text, []byte(from), []byte(to), 1)
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600); err != nil {
		t.Fatal(err)
	}
}
