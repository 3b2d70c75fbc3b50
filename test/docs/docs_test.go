package docs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/snakectl/snakectl/test/harness"
)

// commandLimit bounds one command of a page.
const commandLimit = 2 * time.Minute

// reader follows one page as a person would.
type reader struct {
	instance *harness.Instance
	scratch  string
	// env is what commands have beside the instance's own environment.
	env []string
	// shell keeps directory and variables between the commands.
	shell string
}

// TestPages runs every page that has something to run.
func TestPages(t *testing.T) {
	if testing.Short() {
		t.Skip("the pages start real processes")
	}
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := harness.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	env := goEnv(t, root)
	for _, page := range pages(t, root) {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(root, page))
			if err != nil {
				t.Fatal(err)
			}
			found, err := blocks(string(text))
			if err != nil {
				t.Fatalf("%s: %v", page, err)
			}
			if worthReading(found) {
				r := newReader(t, root, binary, env)
				if slices.ContainsFunc(found, func(b block) bool { return b.packages }) {
					harness.Environments(t, r.instance, installing(t, root)...)
				}
				r.read(t, page, found)
			}
		})
	}
}

// pages lists README.md and the pages below docs.
func pages(t *testing.T, root string) []string {
	t.Helper()
	list := []string{"README.md"}
	err := fs.WalkDir(os.DirFS(root), "docs", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".md") {
			list = append(list, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// installing lists the examples that install packages.
func installing(t *testing.T, root string) []string {
	t.Helper()
	locks, err := filepath.Glob(filepath.Join(root, "examples", "*_requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var configs []string
	for _, lock := range locks {
		configs = append(configs, strings.TrimSuffix(lock, "_requirements.txt")+".hcl")
	}
	return configs
}

func worthReading(found []block) bool {
	for _, b := range found {
		if b.file != "" || b.language == "console" || b.language == "hcl" {
			return true
		}
	}
	return false
}

// newReader lays out a scratch directory that looks like a checkout with the
// program built: the examples, the clients, bin/snakectl, and snakectl on the PATH.
func newReader(t *testing.T, root, binary string, env []string) *reader {
	t.Helper()
	instance := harness.Begin(t, binary)
	scratch := t.TempDir()
	if err := os.Mkdir(filepath.Join(scratch, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(scratch, "bin", "snakectl")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(scratch, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"examples", "python/snakepit", "client", "internal"} {
		err := os.CopyFS(filepath.Join(scratch, dir), os.DirFS(filepath.Join(root, dir)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return &reader{instance: instance, scratch: scratch, env: env, shell: filepath.Join(t.TempDir(), "shell")}
}

// goEnv lets a page's "go run" use what is compiled already, for the instance has a
// home of its own, and compiles what such a program needs: with an empty cache that
// takes longer than a command of a page may.
func goEnv(t *testing.T, root string) []string {
	t.Helper()
	build := exec.CommandContext(t.Context(), "go", "build", "./client")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build ./client: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return []string{"GOCACHE=" + strings.TrimSpace(string(out)), "GOPROXY=off"}
}

// read carries out the blocks of a page in order and stops at the first command
// that does something else than the page says.
func (r *reader) read(t *testing.T, page string, found []block) {
	t.Helper()
	for _, b := range found {
		switch {
		case b.skipped:
		case b.file != "":
			r.write(t, b)
		case b.language == "hcl":
			r.parse(t, page, b)
		case b.language == "console":
			list, err := b.commands()
			if err != nil {
				t.Fatalf("%s: %v", page, err)
			}
			for _, c := range list {
				if problem := r.run(t.Context(), c); problem != "" {
					t.Fatalf("%s:%d: %s", page, c.line, problem)
				}
			}
		}
	}
}

func (r *reader) write(t *testing.T, b block) {
	t.Helper()
	name := filepath.Join(r.scratch, filepath.FromSlash(b.file))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(strings.Join(b.lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// parse checks the syntax of an hcl block that is only shown.
func (r *reader) parse(t *testing.T, page string, b block) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "shown.hcl")
	if err := os.WriteFile(name, []byte(strings.Join(b.lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(r.scratch, "bin", "snakectl"), "fmt", name)
	cmd.Env = r.instance.Env()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s:%d: the block is not valid: %v\n%s", page, b.line, err, out)
	}
}

// script runs one command where the last one left off, and keeps where it leaves
// off itself.
const script = `export -n COMMAND SCRATCH SHELL_STATE
cd "$SCRATCH"
[ ! -f "$SHELL_STATE" ] || . "$SHELL_STATE"
trap '{ export -p; printf "cd %q\n" "$PWD"; } > "$SHELL_STATE"' EXIT
eval "$COMMAND"
`

// run returns what is wrong with a command, or "".
func (r *reader) run(ctx context.Context, c command) string {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Env = append(r.instance.Env(), r.env...)
	cmd.Env = append(cmd.Env, "SCRATCH="+r.scratch, "SHELL_STATE="+r.shell, "COMMAND="+c.text)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	exit, isExit := errors.AsType[*exec.ExitError](err)
	if err != nil && !isExit {
		return fmt.Sprintf("$ %s: %v\n%s", c.text, err, out)
	}
	code := 0
	if isExit {
		code = exit.ExitCode()
	}
	if code != c.exit {
		return fmt.Sprintf("$ %s: exit code %d, want %d\n%s", c.text, code, c.exit, out)
	}
	if diff, ok := matches(c.want, string(out)); !ok {
		return fmt.Sprintf("$ %s prints something else than the page says (-page +printed):\n%s", c.text, diff)
	}
	return ""
}

func TestReaderKeepsDirectoryAndVariables(t *testing.T) {
	instance, err := harness.New(t.Context(), "/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = instance.Close(context.WithoutCancel(t.Context())) })
	r := &reader{instance: instance, scratch: t.TempDir(), shell: filepath.Join(t.TempDir(), "shell")}
	steps := []struct {
		command
		ok bool
	}{
		{command{text: "mkdir sub && cd sub && export NAME='a b'"}, true},
		{command{text: "basename \"$PWD\"; echo \"$NAME\"", want: []string{"sub", "a b"}}, true},
		{command{text: "echo other", want: []string{"text"}}, false},
		{command{text: "echo text >&2", want: []string{"text"}}, true},
		{command{text: "exit 3", exit: 3}, true},
		{command{text: "exit 3"}, false},
	}
	for _, step := range steps {
		if problem := r.run(t.Context(), step.command); (problem == "") != step.ok {
			t.Errorf("run(%q) = %q, want success %v", step.text, problem, step.ok)
		}
	}
}
