package examples

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/test/harness"
)

// settling bounds everything that has to come by itself.
const settling = 4 * time.Minute

// site is an instance of its own beside a copy of the examples.
type site struct {
	instance *harness.Instance
	client   *client.Client
	// dir holds the copy, as the directory examples.
	dir string
}

// TestExamples builds the program and the environments of the examples once for all.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts real workers")
	}
	binary, err := harness.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	heads := start(t, binary, installing...)
	t.Run("heads", func(t *testing.T) { testHeads(t, heads) })
	t.Run("digits share memory", func(t *testing.T) { testDigitsShareMemory(t, start(t, binary, "digits")) })
	t.Run("fetch holds many requests open", func(t *testing.T) { testFetchHoldsManyRequestsOpen(t, start(t, binary, "fetch")) })
	t.Run("fetch gives up with its caller", func(t *testing.T) { testFetchGivesUpWithItsCaller(t, start(t, binary, "fetch")) })
	t.Run("hybrid", func(t *testing.T) { testHybrid(t, start(t, binary)) })
}

// start makes a site, whose instance has the environments that the named examples
// install.
func start(t *testing.T, binary string, installing ...string) *site {
	t.Helper()
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	instance := harness.Begin(t, binary)
	s := &site{instance: instance, client: client.New(filepath.Join(instance.Dir, "supervisor.sock")), dir: t.TempDir()}
	t.Cleanup(func() { s.client.Close() })
	if err := os.CopyFS(filepath.Join(s.dir, "examples"), os.DirFS(filepath.Join(root, "examples"))); err != nil {
		t.Fatal(err)
	}
	var configs []string
	for _, name := range installing {
		configs = append(configs, s.path(name+".hcl"))
	}
	harness.Environments(t, instance, configs...)
	return s
}

// path returns the path of a file of the examples.
func (s *site) path(name string) string { return filepath.Join(s.dir, "examples", name) }

// read returns a file of the examples.
func (s *site) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// write changes a file of the copied examples, or adds one.
func (s *site) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// shell runs a line where examples is, and returns what it prints on stdout.
func (s *site) shell(t *testing.T, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), settling)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir, cmd.Env, cmd.WaitDelay = s.dir, s.instance.Env(), time.Second
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", line, err, out, complaints.String())
	}
	return string(out)
}

// apply applies a file of the examples and waits until all workers are ready.
func (s *site) apply(t *testing.T, name string) {
	t.Helper()
	s.shell(t, "snakectl apply --auto-approve examples/"+name)
	ctx, cancel := context.WithTimeout(t.Context(), settling)
	defer cancel()
	if err := s.client.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
}

// exec executes a command of a pool, which must succeed, and decodes its result.
func (s *site) exec(t *testing.T, pool, command string, args, result any) {
	t.Helper()
	answer, err := s.client.Exec(t.Context(), pool, command, args)
	if err == nil {
		err = answer.Decode(result)
	}
	if err != nil {
		t.Fatalf("%s of pool.%s: %v", command, pool, err)
	}
}
