package effects

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/test/harness"
)

const adapter = `from snakepit import command


@command
def ping() -> str:
    return "pong"
`

// unwalked are the attributes that no pool can be changed in here, with the reason.
func unwalked() map[string]string {
	out := map[string]string{"for_each": "it makes addresses, so there is no pool that it changes"}
	if cards, _ := filepath.Glob("/proc/driver/nvidia/gpus/*"); len(cards) == 0 {
		out["devices.gpus"] = "this machine has no GPU"
	}
	return out
}

// together is the pool in which all attributes are changed that restart nobody and need
// nothing else: if one of them did, its workers would tell.
const together = "together"

// name is the label of the pool in which an attribute is changed.
func name(row *pool.Row) string {
	quiet := row.Effect != pool.EffectRoll && row.Effect != pool.EffectSize
	if quiet && len(row.With) == 0 && row.Path != "ignore_changes" && row.Path != "update.strategy" {
		return together
	}
	return "a-" + strings.ReplaceAll(row.Path, ".", "-")
}

// site is a running instance whose configuration has one pool for each attribute.
type site struct {
	t        *testing.T
	instance *harness.Instance
	dir      string
}

// configure writes the configuration: every attribute has its example, or none.
func (s *site) configure(rows []pool.Row, changed bool) {
	s.t.Helper()
	var b strings.Builder
	b.WriteString("runtime \"python\" \"app\" {}\n")
	b.WriteString("pool \"store\" {\n  adapter = \"./other.py\"\n  runtime = runtime.python.app\n}\n")
	if changed { // all settings at one time: none of them may touch a worker
		b.WriteString("settings {\n")
		for _, row := range pool.SettingsSchema() {
			if !strings.Contains(row.Path, ".") {
				b.WriteString(row.Snippet(true))
			}
		}
		b.WriteString("}\n")
	}
	for _, label := range labels(rows) {
		fmt.Fprintf(&b, "pool %q {\n%s}\n", label, body(label, rows, changed))
	}
	s.write("pools.hcl", b.String())
}

// labels returns the pools in the order of their first attribute.
func labels(rows []pool.Row) []string {
	var out []string
	for i := range rows {
		if label := name(&rows[i]); !slices.Contains(out, label) {
			out = append(out, label)
		}
	}
	return out
}

// body returns what the block of a pool holds before or after the change.
func body(label string, rows []pool.Row, changed bool) string {
	lines := map[string][]string{}
	set := func(path, value string) {
		block, attribute, nested := strings.Cut(path, ".")
		if !nested {
			block, attribute = "", path
		}
		lines[block] = append(lines[block], attribute+" = "+value+"\n")
	}
	given := map[string]bool{}
	for i := range rows {
		row := &rows[i]
		if name(row) != label {
			continue
		}
		for _, line := range row.With {
			path, value, _ := strings.Cut(line, " = ")
			set(path, value)
		}
		if changed {
			set(row.Path, row.Example)
			given[row.Path] = true
		}
		given[row.Path+" walked"] = true
	}
	if !given["adapter"] {
		set("adapter", `"./other.py"`)
	}
	if !given["start_method walked"] {
		set("start_method", `"spawn"`) // no second process for each pool
	}
	if !given["update.min_healthy_time walked"] {
		set("update.min_healthy_time", `"10ms"`)
	}
	var b strings.Builder
	for _, block := range slices.Sorted(maps.Keys(lines)) {
		text := strings.Join(lines[block], "")
		if block != "" {
			text = block + " {\n" + text + "}\n"
		}
		b.WriteString(text)
	}
	return b.String()
}

func (s *site) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) run(args ...string) []byte {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.instance.Binary, args...)
	cmd.Env, cmd.Dir = s.instance.Env(), s.dir
	out, err := cmd.Output()
	if err != nil {
		stderr := ""
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			stderr = string(exit.Stderr)
		}
		s.t.Fatalf("%v: %v\n%s\n%s", args, err, out, stderr)
	}
	return out
}

// workers returns the incarnations of every pool's places.
func (s *site) workers() map[string][]string {
	s.t.Helper()
	var status struct {
		Pools []struct {
			Address string `json:"address"`
			Workers []struct {
				Incarnation string `json:"incarnation"`
			} `json:"workers"`
		} `json:"pools"`
	}
	if err := json.Unmarshal(s.run("status", "--json"), &status); err != nil {
		s.t.Fatal(err)
	}
	out := map[string][]string{}
	for _, p := range status.Pools {
		for _, w := range p.Workers {
			out[p.Address] = append(out[p.Address], w.Incarnation)
		}
	}
	return out
}

// planned is what a plan says of one pool.
type planned struct {
	Address    string `json:"address"`
	Action     string `json:"action"`
	Attributes []struct {
		Path   string      `json:"path"`
		Effect pool.Effect `json:"effect"`
	} `json:"attributes"`
}

func (s *site) plan() map[string]planned {
	s.t.Helper()
	var plan struct {
		Changes []planned `json:"changes"`
	}
	if err := json.Unmarshal(s.run("plan", "--json"), &plan); err != nil {
		s.t.Fatal(err)
	}
	out := map[string]planned{}
	for _, c := range plan.Changes {
		out[c.Address] = c
	}
	return out
}

// TestEveryEffectIsTrue changes each attribute on a running pool of its own, all in one
// apply, and looks at which workers are still the same.
func TestEveryEffectIsTrue(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	if runtime.GOOS != "linux" {
		t.Skip("some attributes work on Linux alone")
	}
	s := newSite(t)
	skipped := unwalked()
	var rows []pool.Row
	for _, row := range pool.PoolSchema() {
		if why, skip := skipped[row.Path]; skip {
			t.Logf("%s is not walked: %s", row.Path, why)
			continue
		}
		rows = append(rows, row)
	}
	s.configure(rows, false)
	s.run("apply", "--auto-approve")
	before := s.workers()
	s.configure(rows, true)
	plan := s.plan()
	s.run("apply", "--auto-approve")
	after := s.workers()
	for i := range rows {
		row := &rows[i]
		t.Run(row.Path, func(t *testing.T) {
			address := pool.Address(name(row), "")
			checkPlan(t, plan[address], row)
			checkWorkers(t, before[address], after[address], row)
		})
	}
	if b, a := before["pool.store"], after["pool.store"]; len(a) != 1 || len(b) != 1 || a[0] != b[0] {
		t.Errorf("the settings restarted the workers of a pool: %v -> %v", b, a)
	}
	if left := s.plan(); len(left) > 0 {
		t.Errorf("the next plan has changes: %v", left)
	}
}

// checkPlan wants the attribute in the plan with its effect, and no attribute of another
// pool. What follows from it may stand beside it: a profile brings a number of threads.
func checkPlan(t *testing.T, c planned, row *pool.Row) {
	t.Helper()
	found := false
	for _, a := range c.Attributes {
		switch {
		case a.Path == row.Path:
			found = a.Effect == row.Effect
		case name(row) == together, row.Path == "profile" && a.Path == "threads_per_worker", strings.HasPrefix(a.Path, row.Path+"."):
		default:
			t.Errorf("the plan changes %s as well", a.Path)
		}
	}
	if !found {
		t.Errorf("the plan is to %s for %v, want %s with the effect %s", c.Action, c.Attributes, row.Path, row.Effect)
	}
}

func checkWorkers(t *testing.T, before, after []string, row *pool.Row) {
	t.Helper()
	if len(before) != 1 || len(after) == 0 {
		t.Fatalf("workers: %v -> %v", before, after)
	}
	restarted, more := after[0] != before[0], len(after)-len(before)
	if want := row.Effect == pool.EffectRoll; restarted != want {
		t.Errorf("its worker was restarted: %t, and the effect is %s", restarted, row.Effect)
	}
	if resized := more != 0; resized != (row.Effect == pool.EffectSize) {
		t.Errorf("its workers became %d more, and the effect is %s", more, row.Effect)
	}
}

func newSite(t *testing.T) *site {
	t.Helper()
	binary, err := harness.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	instance := harness.Begin(t, binary)
	s := &site{t: t, instance: instance, dir: t.TempDir()}
	s.write("adapter.py", adapter)
	s.write("other.py", adapter)
	s.write("data/readme.txt", "what is read\n")
	return s
}
