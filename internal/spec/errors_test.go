package spec_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/spec"
)

// problem is what a test expects of one diagnostic: where it is, whose, and
// pieces of its text.
type problem struct {
	line int
	pool string
	text []string
}

// checkProblems compares diagnostics, in order, with what is expected.
func checkProblems(t *testing.T, diags spec.Diagnostics, want []problem) {
	t.Helper()
	if len(diags) != len(want) {
		t.Fatalf("%d diagnostics, want %d:\n%s", len(diags), len(want), diags.Text())
	}
	for i, d := range diags {
		if d.Line != want[i].line || d.Pool != want[i].pool {
			t.Errorf("diagnostic %d is on line %d of %q, want line %d of %q:\n%s", i, d.Line, d.Pool, want[i].line, want[i].pool, d.Text())
		}
		for _, text := range want[i].text {
			if !strings.Contains(d.Text(), text) {
				t.Errorf("diagnostic %d lacks %q:\n%s", i, text, d.Text())
			}
		}
	}
}

func one(line int, pool string, text ...string) []problem { return []problem{{line, pool, text}} }

func TestLoadReports(t *testing.T) {
	api := func(body string) string { return "pool \"api\" {\n  adapter = \"./a.py\"\n" + body + "\n}\n" }
	tests := []struct {
		name, src string
		want      []problem
	}{
		{"syntax error", api("  size = ="), one(3, "pool.api", "Invalid expression", "3:   size = =")},
		{"text without quotation marks", "pool \"api\" { adapter = ./a.py }", append(one(1, "pool.api", "Invalid expression", "Text stands in quotation marks"), one(1, "pool.api", "Invalid attribute name")...)},
		{"unknown attribute", api("  szie = 2"), one(3, "pool.api", `Unknown attribute "szie"`, `Did you mean "size"?`, "adapter, breaker, check, code,", `in pool "api":`)},
		{"unknown nested attribute", api("  queue { maxx = 2 }"), one(3, "pool.api", `Unknown attribute "maxx"`, `A queue block takes: max, overflow, policy, timeout.`, `Did you mean "max"?`)},
		{"unknown nested block", api("  queu { max = 2 }"), one(3, "pool.api", `Unknown block "queu"`, `Did you mean "queue"?`)},
		{"unknown block", "poool \"api\" {}", one(1, "", `Unknown block "poool"`, `Did you mean "pool"?`)},
		{"attribute at the top", "size = 3", one(1, "", `Write pool "default" { size = … }`)},
		{"reserved block", "resource \"a\" \"b\" {}", one(1, "", "declare a pool")},
		{"a later name", api("  autoscale { max = 4 }"), one(3, "pool.api", "autoscale is not supported yet")},
		{"share of nothing", api("  lifecycle { max_recycling = \"0%\" }"), one(3, "pool.api", "must be a count of workers from 1 or a percentage", "0%")},
		{"a size without a unit we know", api("  lifecycle { max_memory = \"5 apples\" }"), one(3, "pool.api", "must be a size such as \"512MiB\"", "5 apples")},
		{"a size out of range", api("  lifecycle { max_memory = 5 }"), one(3, "pool.api", "must be a size from 1MiB to 1024TiB, not 5B")},
		{"retry on what nobody fails with", api("  retry { on = [\"worker_died\", \"unavailible\"] }"), one(3, "pool.api", "retry.on may hold one of \"worker_died\", \"unavailable\", \"raised\", not \"unavailible\" (did you mean \"unavailable\"?)")},
		{"breaker that is off", api("  breaker { reset = \"3s\" }"), one(3, "pool.api", "breaker.reset is of no use without breaker.failures")},
		{"health that overlaps", api("  health { timeout = \"3s\" }"), one(3, "pool.api", "health.timeout (3s) must not be longer than health.interval (2s)")},
		{"number out of range", api("  lifecycle { jitter = 1.5 }"), one(3, "pool.api", "must be a number from 0 to 1, not the number 1.5")},
		{"a later attribute", api("  autoscale = 4"), one(3, "pool.api", "autoscale is not supported yet")},
		{"threads without the profile", api("  threads_per_worker = 4"), one(3, "pool.api", `threads_per_worker is for pools with profile = "thread"`)},
		{"a GIL without the profile", api("  gil = \"require_off\""), one(3, "pool.api", `gil is for pools with profile = "thread"`)},
		{"too many threads", api("  profile = \"thread\"\n  threads_per_worker = 1025"), one(4, "pool.api", "from 1 to 1024")},
		{"count", api("  count = 4"), one(3, "pool.api", "Use size for more workers, for_each for more pools")},
		{"a reference to count", api("  size = count.index"), one(3, "pool.api", "Use size for more workers")},
		{"a secret", "secret \"x\" {}", one(1, "", "not supported yet")},
		{"attribute written as a block", api("  env { A = 1 }"), one(3, "pool.api", `"env" is an attribute`, "env = { … }")},
		{"block written as an attribute", api("  queue = { max = 1 }"), one(3, "pool.api", `"queue" is a block`)},
		{"block twice", api("  queue { max = 1 }\n  queue { max = 2 }"), one(4, "pool.api", `Duplicate block "queue"`, "line 3")},
		{"wrong type", api("  size = [1]"), one(3, "pool.api", "size must be a whole number from 0 to 10000, not a value of type tuple")},
		{"fraction", api("  size = 1.5"), one(3, "pool.api", "size must be a whole number from 0 to 10000, not the number 1.5")},
		{"out of range", api("  size = 10001"), one(3, "pool.api", "from 0 to 10000, not the number 10001")},
		{"negative", api("  size = -1"), one(3, "pool.api", "not the number -1")},
		{"duration without unit", api("  stop_grace = 30"), one(3, "pool.api", `must be a duration such as "30s"`, "not the number 30")},
		{"bad duration", api("  stop_grace = \"30 s\""), one(3, "pool.api", `not the string "30 s"`)},
		{"duration out of range", api("  queue { timeout = \"0s\" }"), one(3, "pool.api", "queue.timeout must be a duration from 1ms to 1d, not 0s")},
		{"enumeration", api("  stop_signal = \"TERN\""), one(3, "pool.api", `one of "TERM", "INT"`, `did you mean "TERM"?`)},
		{"a runtime in quotes", api("  runtime = \"runtime.python.default\""), one(3, "pool.api", "must be a reference such as runtime.python.app")},
		{"undeclared runtime", "runtime \"python\" \"ml\" { interpreter = \"python3\" }\n" + api("  runtime = runtime.python.mi"), []problem{
			{1, "", []string{"runtime.python.ml is not used"}},
			{4, "pool.api", []string{`Undeclared runtime "mi"`, `Did you mean "ml"?`}},
		}},
		{"empty interpreter", "runtime \"python\" \"default\" { interpreter = \"\" }\n" + api(""), one(1, "", "Name the Python to start")},
		{"no version", "runtime \"python\" \"default\" { version = \"three\" }\n" + api(""), one(1, "", `"three" is not a version of Python`, `"3.13t"`)},
		{"packages twice", "runtime \"python\" \"default\" {\n  requirements = \"pools.hcl\"\n  packages = [\"x\"]\n}\n" + api(""), one(3, "", "exclude each other")},
		{"an installer for nothing", "runtime \"python\" \"default\" {\n  installer = \"pip\"\n}\n" + api(""), one(2, "", "of no use without requirements, pyproject or packages")},
		{"an unknown installer", "runtime \"python\" \"default\" {\n  packages = [\"x\"]\n  installer = \"pi\"\n}\n" + api(""), one(3, "", `must be one of "auto", "uv", "pip"`)},
		{"offline without wheels", "runtime \"python\" \"default\" {\n  packages = [\"x\"]\n  offline = true\n}\n" + api(""), one(3, "", "Set find_links")},
		{"an option as a package", "runtime \"python\" \"default\" { packages = [\"-e .\"] }\n" + api(""), one(1, "", `"-e ." is not a package`)},
		{"no requirements", "runtime \"python\" \"default\" { requirements = \"gone.txt\" }\n" + api(""), one(1, "", "There is no file gone.txt")},
		{"a project as requirements", "runtime \"python\" \"default\" { requirements = \"pyproject.toml\" }\n" + api(""), one(1, "", "Write pyproject = \".\" to install its dependencies")},
		{"a pyproject", "runtime \"python\" \"default\" { pyproject = \".\" }\n" + api(""), one(1, "", "There is no pyproject.toml in")},
		{"a project and packages", "runtime \"python\" \"default\" {\n  packages = [\"x\"]\n  pyproject = \".\"\n}\n" + api(""), append(one(3, "", "pyproject excludes requirements and packages"), one(3, "", "There is no pyproject.toml in")...)},
		{"no find_links", "runtime \"python\" \"default\" {\n  packages = [\"x\"]\n  find_links = [\"gone\"]\n}\n" + api(""), one(3, "", `"gone" is not a directory`)},
		{"versions that contradict", "runtime \"python\" \"default\" {\n  version = \"3.13t\"\n  free_threaded = false\n}\n" + api(""), one(3, "", "contradict each other")},
		{"another language", "runtime \"ruby\" \"x\" {}\n" + api(""), one(1, "", `Unknown runtime "ruby"`)},
		{"undeclared variable", api("  size = var.n"), one(3, "pool.api", `Undeclared variable "n"`, `Declare it with variable "n" { }`)},
		{"undeclared local", "locals { sizes = 1 }\n" + api("  size = local.size"), one(4, "pool.api", `Did you mean "sizes"?`)},
		{"each without for_each", api("  size = each.value"), one(3, "pool.api", "exist only in a pool with for_each")},
		{"unknown function", api("  size = timestamp()"), one(3, "pool.api", "timestamp")},
		{"no adapter", "pool \"api\" {\n}", one(1, "pool.api", "A pool needs an adapter")},
		{"duplicate pool", api("") + api(""), one(5, "pool.api", `Duplicate pool "api"`, "line 1")},
		{"duplicate defaults", "defaults \"pool\" {}\ndefaults \"pool\" {}\n" + api(""), one(2, "", `Duplicate block defaults "pool"`)},
		{"two default pools", api("  default = true") + "pool \"b\" {\n  adapter = \"./a.py\"\n  default = true\n}", one(7, "pool.b", "pool.api and pool.b both say default = true")},
		{"cyclic locals", "locals {\n  a = local.b\n  b = [local.c]\n  c = local.a\n}\n" + api(""), one(2, "", "local.a -> local.b -> local.c -> local.a")},
		{"a local of itself", "locals {\n  a = local.a\n}\n" + api(""), one(2, "", "local.a -> local.a")},
		{"label", "pool \"a.b\" {\n  adapter = \"./a.py\"\n}", one(1, "pool.a.b", `"a.b" cannot be a name`)},
		{"no label", "pool {\n  adapter = \"./a.py\"\n}", one(1, "", "Missing name for pool", `Write pool "NAME" { … }.`)},
		{"one label of two", "runtime \"python\" {\n}\n" + api(""), one(1, "", "Missing name for runtime", `Write runtime "python" "NAME" { … }.`)},
		{"roll that cannot move", api("  update { surge = 0 }"), one(3, "pool.api", "update.surge + update.max_unavailable must be at least 1")},
		{"auto_promote of nothing", api("  update { auto_promote = true }"), one(3, "pool.api", "update.auto_promote is of no use without update.canary")},
		{"canary of a recreate", api("  update {\n    strategy = \"recreate\"\n    canary = 1\n  }"), one(5, "pool.api", "update.canary cannot be with update.strategy")},
		{"deadlines the wrong way round", api("  update { progress_deadline = \"30s\" }"), one(3, "pool.api", "update.healthy_deadline (1m) must be shorter than update.progress_deadline (30s)")},
		{"no places at one time", api("  update { max_parallel = 0 }"), one(3, "pool.api", "must be a count of workers from 1")},
		{"deadline before it is healthy", api("  update { healthy_deadline = \"1s\" }"), one(3, "pool.api", "min_healthy_time (2s) must be shorter than update.healthy_deadline (1s)")},
		{"reserved environment", api("  env = { SNAKEPIT_X = 1 }"), one(3, "pool.api", "SNAKEPIT_X cannot be set")},
		{"environment name", api("  env = { \"A=B\" = 1 }"), one(3, "pool.api", `"A=B" cannot be the name`)},
		{"null in env", api("  env = { A = null }"), one(3, "pool.api", `the value of "A" is null`)},
		{"33 labels", api("  labels = { for i in range(33) : \"l${i}\" => i }"), one(3, "pool.api", "32 labels at most, not 33")},
		{"a number JSON cannot carry", api("  config = { id = 12345678901234567890 }"), one(3, "pool.api", "12345678901234567890, which JSON numbers cannot carry")},
		{"a runtime as data", api("  config = { rt = runtime.python.default }"), one(3, "pool.api", "config holds a runtime reference")},
		{"config that is a list", api("  config = [1]"), one(3, "pool.api", "must be an object")},
		{"adapter file is missing", "pool \"api\" {\n  adapter = \"./b.py\"\n}", one(2, "pool.api", "There is no file ./b.py in ")},
		{"adapter outside", "pool \"api\" {\n  adapter = \"./../b.py\"\n}", one(2, "pool.api", "outside the configuration's directory")},
		{"adapter without ./", "pool \"api\" {\n  adapter = \"a.py\"\n}", one(2, "pool.api", "written with ./ before it")},
		{"adapter that is no name", "pool \"api\" {\n  adapter = \"my adapter\"\n}", one(2, "pool.api", "names neither a module nor a file")},
		{"adapter class", "pool \"api\" {\n  adapter = \"./a.py:\"\n}", one(2, "pool.api", "comes the name of a class")},
		{"adapter in defaults", "defaults \"pool\" {\n  adapter = \"./a.py\"\n}", one(2, "", "adapter has no default")},
		{"python_path outside", api("  python_path = [\"..\"]"), one(3, "pool.api", `".." lies outside`)},
		{"python_path missing", api("  python_path = [\"src\"]"), one(3, "pool.api", `"src" is not a directory`)},
		{"code outside", api("  code = [\"../*.py\"]"), one(3, "pool.api", "leaves the configuration's directory")},
		{"working_dir missing", api("  working_dir = \"/no/such/place\""), one(3, "pool.api", "/no/such/place is not a directory")},
		{"for_each of numbers", api("  for_each = [1]"), one(3, "pool.api", "an element is the number 1")},
		{"for_each of a string", api("  for_each = \"a\""), one(3, "pool.api", `not the string "a"`)},
		{"for_each key", api("  for_each = [\"\"]"), one(3, "pool.api", "cannot be a key")},
		{"for_each twice", api("  for_each = [\"a\", \"a\"]"), one(3, "pool.api", `"a" occurs twice`)},
		{"for_each reports once", api("  for_each = toset([\"a\", \"b\"])\n  size = \"x\""), one(4, `pool.api["a"]`, "size must be a whole number")},
		{"dynamic of nothing", api("  dynamic \"x\" {\n    for_each = [1]\n    content {}\n  }"), one(3, "pool.api", `Unknown block "x"`)},
		{"unknown name in dynamic", api("  dynamic \"queue\" {\n    for_each = [1]\n    content {\n      mix = 1\n    }\n  }"), one(6, "pool.api", `Did you mean "max"?`)},
		{"setting", "settings {\n  histroy_keep = 1\n}\n" + api(""), one(2, "", `Did you mean "history_keep"?`)},
		{"a pool's attribute among settings", "settings {\n  lifecycle = 1\n}\n" + api(""), one(2, "", `Unknown attribute "lifecycle"`)},
		{"required version", "snakectl { required_version = \">= 0.2\" }\n" + api(""), one(1, "", "requires snakectl >= 0.2, and this is snakectl 0.1.0")},
		{"bad version", "snakectl { required_version = \"new\" }\n" + api(""), one(1, "", `"new" is not a version`)},
		{"file outside", api("  description = file(\"../x\")"), one(3, "pool.api", "outside the configuration's directory")},
		{"file outside by absolute path", api("  description = file(\"/etc/passwd\")"), one(3, "pool.api", "outside the configuration's directory")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, map[string]string{"pools.hcl": tt.src})
			_, diags := load(t, dir, spec.Options{Version: "0.1.0"})
			checkProblems(t, diags, tt.want)
			if !diags.HasErrors() {
				t.Error("no diagnostic is an error")
			}
		})
	}
}

// Everything that is wrong is told in one run, in the order of the file.
func TestLoadReportsAllAtOnce(t *testing.T) {
	dir := write(t, map[string]string{"pools.hcl": `
pool "one" {
  adapter = "./gone.py"
  szie    = 2
  size    = -1
}
pool "two" {
  runtime = runtime.python.nope
  queue { max = "many" }
  env = { SNAKEPIT_A = 1, SNAKEPIT_B = 2 }
}
nonsense {}
`})
	_, diags := load(t, dir, spec.Options{})
	checkProblems(t, diags, []problem{{line: 12}})
	// Blocks whose type is unknown stop before evaluation; without it:
	dir = write(t, map[string]string{"pools.hcl": strings.Replace(mustRead(t, filepath.Join(dir, "pools.hcl")), "nonsense {}", "", 1)})
	_, diags = load(t, dir, spec.Options{})
	checkProblems(t, diags, []problem{
		{line: 3, pool: "pool.one"},
		{line: 4, pool: "pool.one"},
		{line: 5, pool: "pool.one"},
		{line: 7, pool: "pool.two", text: []string{"needs an adapter"}},
		{line: 8, pool: "pool.two"},
		{line: 9, pool: "pool.two"},
		{line: 10, pool: "pool.two", text: []string{"SNAKEPIT_A"}},
		{line: 10, pool: "pool.two", text: []string{"SNAKEPIT_B"}},
	})
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLoadWithoutConfiguration(t *testing.T) {
	dir := t.TempDir()
	tests := []struct{ path, want string }{
		{dir, "no *.hcl file in"},
		{filepath.Join(dir, "gone"), "cannot read the configuration"},
		{filepath.Join(write(t, map[string]string{}), "a.py"), "is not a configuration file"},
	}
	for _, tt := range tests {
		_, diags := load(t, tt.path, spec.Options{})
		if len(diags) != 1 || !strings.Contains(diags.Text(), tt.want) {
			t.Errorf("Load(%q) = %s, want one diagnostic with %q", tt.path, diags.Text(), tt.want)
		}
	}
}

func TestLoadWarnsOfMoreWorkersThanCores(t *testing.T) {
	dir := write(t, map[string]string{"p.hcl": "pool \"api\" {\n  adapter = \"./a.py\"\n  size = 17\n}"})
	cfg, diags := load(t, dir, spec.Options{})
	checkProblems(t, diags, one(3, "pool.api", "Warning: More workers than the machine has cores for", "this machine has 8 cores"))
	if cfg == nil {
		t.Error("a warning stopped the load")
	}
}

func TestDiagnosticForms(t *testing.T) {
	dir := write(t, map[string]string{"pools.hcl": "pool \"api\" {\n  adapter = \"./a.py\"\n  szie = 2\n}"})
	t.Chdir(dir)
	_, diags := load(t, ".", spec.Options{})
	wantText := `Error: Unknown attribute "szie"

  on pools.hcl line 3, in pool "api":
  3:   szie = 2

`
	if got := diags.Text(); !strings.HasPrefix(got, wantText) {
		t.Errorf("Text (-want +got):\n%s", cmp.Diff(wantText, got))
	}
	if got, want := diags.Error(), `pools.hcl:3: Unknown attribute "szie"`; got != want {
		t.Errorf("Error = %q, want %q", got, want)
	}
	b, err := json.Marshal(diags)
	if err != nil {
		t.Fatal(err)
	}
	want := `"file":"pools.hcl","line":3,"column":3,"end_line":3,"end_column":7,"block":"pool \"api\"","pool":"pool.api","snippet":"  szie = 2"`
	if !strings.Contains(string(b), want) {
		t.Errorf("JSON = %s, want it to hold %s", b, want)
	}
}

// A file that is wrong in every line does not flood its reader.
func TestLoadBoundsDiagnostics(t *testing.T) {
	var b strings.Builder
	b.WriteString("pool \"api\" {\n  adapter = \"./a.py\"\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  x%d = 1\n", i)
	}
	b.WriteString("}\n")
	_, diags := load(t, write(t, map[string]string{"p.hcl": b.String()}), spec.Options{})
	if len(diags) != 200 {
		t.Errorf("%d diagnostics, want 200", len(diags))
	}
}
