//go:build linux

package access

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/test/harness"
)

const adapter = `from snakepit import command


@command
def who() -> str:
    return "me"
`

// The users of these tests; none of them needs a name.
const (
	reader, caller, admin, stranger = 54001, 54002, 54003, 54004
	staff                           = 54100
)

// site is a running instance with a configuration.
type site struct {
	t        *testing.T
	instance *harness.Instance
	config   string
}

// newSite starts a supervisor; the test is skipped where nobody else can be played.
func newSite(t *testing.T, config string) *site {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: only root can become other users")
	}
	if testing.Short() {
		t.Skip("starts real processes")
	}
	binary, err := harness.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	instance := harness.Begin(t, binary)
	if err := os.Chmod(filepath.Dir(instance.Dir), 0o711); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, instance: instance, config: t.TempDir()}
	s.write("adapter.py", adapter)
	s.apply(config)
	return s
}

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.config, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) apply(config string) {
	s.t.Helper()
	s.write("pools.hcl", config)
	cmd := exec.CommandContext(s.t.Context(), s.instance.Binary, "apply", s.config, "--auto-approve")
	cmd.Env = append(s.instance.Env(), "HOME="+s.config)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("apply: %v\n%s", err, out)
	}
}

func (s *site) socket() string { return filepath.Join(s.instance.Dir, "supervisor.sock") }

// mode returns the permissions of a file of the instance and its group.
func (s *site) mode(name string) string {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), "stat", "-c", "%a %g", filepath.Join(s.instance.Dir, name)).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

const open = `
pool "api" { adapter = "./adapter.py" }
pool "own" {
  adapter = "./adapter.py"
  access { exec = [%d] }
}
settings {
  access {
    admin = [%d]
    exec  = ["@%d"]
    read  = [%d]
  }
}
`

// Each user may do what the lists say and nothing else, over frames and HTTP alike.
func TestRightsOfOtherUsers(t *testing.T) {
	s := newSite(t, fmt.Sprintf(open, caller, admin, staff, reader))
	const (
		look    = "GET /v1/status"
		run     = "POST /v1/pools/api/exec/who"
		runOwn  = "POST /v1/pools/own/exec/who"
		scale   = "POST /v1/pools/api/scale" // without a size: 400 once it is allowed
		stop    = "POST /v1/supervisor/stop?workers=perhaps"
		apply   = "POST /v1/apply?"
		logs    = "GET /v1/logs?worker=api"
		unknown = "POST /v1/pools/nothing/exec/who"
	)
	t.Run("read", func(t *testing.T) {
		newGuest(t, s.socket(), reader).wants(map[string]string{
			look: "200", logs: "200", run: "403", runOwn: "403", scale: "403", stop: "403", apply: "403",
			"exec api": "denied", "exec own": "denied", "GET /v1/pools/api/commands": "200", "GET /healthz": "200",
		})
	})
	t.Run("exec by group", func(t *testing.T) {
		newGuest(t, s.socket(), stranger, staff).wants(map[string]string{
			look: "403", logs: "403", run: "200", runOwn: "403", scale: "403", stop: "403", apply: "403", unknown: "404",
			"exec api": "ok", "exec own": "denied", "exec nothing": "unknown_pool", "GET /v1/pools/api/commands": "200",
			"GET /v1/pools/own/commands": "403", "GET /healthz": "200", "GET /v1/observed": "403", "POST /v1/plan": "403",
		})
	})
	t.Run("exec of one pool", func(t *testing.T) {
		newGuest(t, s.socket(), caller).wants(map[string]string{
			run: "403", runOwn: "200", "exec api": "denied", "exec own": "ok", unknown: "403", "exec nothing": "denied", look: "403",
		})
	})
	t.Run("admin", func(t *testing.T) {
		newGuest(t, s.socket(), admin).wants(map[string]string{
			look: "200", run: "200", runOwn: "200", scale: "400", stop: "400", "exec api": "ok", "exec own": "ok",
		})
	})
	t.Run("stranger", func(t *testing.T) {
		newGuest(t, s.socket(), stranger).wants(map[string]string{
			look: "403", run: "403", stop: "403", "GET /healthz": "403", "exec api": "denied",
		})
	})
}

// The socket is as open as the lists ask, at once, and nothing beside it is.
func TestSocketOpensAsFarAsAsked(t *testing.T) {
	const pools = `pool "api" { adapter = "./adapter.py" }`
	s := newSite(t, pools)
	lists := []struct{ access, socket, dir string }{
		{"", "600 0", "700 0"},
		{fmt.Sprintf(`read = ["@%d"]`, staff), fmt.Sprintf("660 %d", staff), "711 0"},
		{fmt.Sprintf(`exec = [%d]`, caller), fmt.Sprintf("666 %d", staff), "711 0"},
		{"", fmt.Sprintf("600 %d", staff), "700 0"},
		{fmt.Sprintf(`exec = [%d]`, caller), fmt.Sprintf("666 %d", staff), "711 0"},
	}
	for _, l := range lists {
		s.apply(pools + "\nsettings {\n  access {\n" + l.access + "\n}\n}\n")
		got := []string{s.mode("supervisor.sock"), s.mode(".")}
		if diff := cmp.Diff([]string{l.socket, l.dir}, got); diff != "" {
			t.Errorf("with %q (-want +got):\n%s", l.access, diff)
		}
	}
	err := filepath.WalkDir(s.instance.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == s.instance.Dir || d.Name() == "supervisor.sock" {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
		if d.IsDir() {
			return fs.SkipDir // nobody else gets into it
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// What an apply gives or takes away holds for connections that exist.
func TestListsAreLive(t *testing.T) {
	s := newSite(t, fmt.Sprintf(open, caller, admin, staff, reader))
	g := newGuest(t, s.socket(), caller)
	const run = "POST /v1/pools/own/exec/who"
	g.wants(map[string]string{run: "200", "exec own": "ok"})
	s.apply(fmt.Sprintf(open, stranger, caller, staff, reader))
	g.wants(map[string]string{run: "200", "exec api": "ok", "GET /v1/status": "200", "dials": "1"})
	s.apply(fmt.Sprintf(open, stranger, admin, staff, reader))
	g.wants(map[string]string{run: "403", "exec own": "denied", "GET /v1/status": "403"})
	s.apply(fmt.Sprintf(open, caller, admin, staff, reader))
	g.wants(map[string]string{run: "200", "exec own": "ok"})
}
