package script

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/snakectl/snakectl/internal/state"
	"github.com/snakectl/snakectl/internal/state/statetest"
	"github.com/snakectl/snakectl/test/harness"
)

type instanceKey struct{}

// patience is how long a script waits for a condition before it fails.
const patience = 20 * time.Second

// commands are what scripts have besides the usual commands of a testscript.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exitcode":  exitCode,
	"json":      assertJSON,
	"setjson":   setJSON,
	"setfile":   setFile,
	"until":     until,
	"untilok":   untilOK,
	"signal":    signalProcess,
	"gone":      gone,
	"alive":     alive,
	"processes": processes,
	"notcp":     noTCP,
	"http":      request,
	"edit":      edit,
	"fill":      fill,
	"damage":    damage,
	"newer":     newer,
	"wheel":     wheel,
}

// exitCode runs a command and wants that exit code: exitcode 2 snakectl plan.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "exitcode CODE COMMAND [ARG]...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := codeOf(ts, ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// assertJSON compares a value in the last command's standard output:
// json pools/pool.api/ready == 2. See value for the path.
func assertJSON(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 3, "json PATH ==|!=|<|<=|>|>=|=~ VALUE")
	ok, err := holds(ts.ReadFile("stdout"), args[0], args[1], args[2])
	ts.Check(err)
	if !ok {
		got, _ := value(ts.ReadFile("stdout"), args[0])
		ts.Fatalf("%s is %s, want %s %s", args[0], got, args[1], args[2])
	}
}

// setJSON keeps a value of the last standard output: setjson PID pools/0/workers/0/pid.
func setJSON(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "setjson VARIABLE PATH")
	text, err := value(ts.ReadFile("stdout"), args[1])
	ts.Check(err)
	ts.Setenv(args[0], text)
}

// setFile keeps the content of a file, without the white space around it:
// setfile PID pid.txt.
func setFile(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "setfile VARIABLE FILE")
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// until repeats a command until a value of its output is as wanted:
// until pools/0/ready == 4 snakectl status --json.
func until(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 4, "until PATH OP VALUE COMMAND [ARG]...")
	var last string
	ok := harness.Until(context.Background(), patience, func() bool {
		out, err := quietly(ts, args[3:]).Output()
		if err != nil {
			return false
		}
		last = string(out)
		ok, err := holds(last, args[0], args[1], args[2])
		return err == nil && ok
	})
	_, err := ts.Stdout().Write([]byte(last))
	ts.Check(err)
	if !ok {
		ts.Fatalf("%s %s %s did not come true in %v", args[0], args[1], args[2], patience)
	}
}

// untilOK repeats a command until it exits with 0, or ! until it does not.
func untilOK(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, false, len(args) >= 1, "untilok COMMAND [ARG]...")
	ok := harness.Until(context.Background(), patience, func() bool {
		return (codeOf(ts, quietly(ts, args).Run()) == 0) != neg
	})
	if !ok {
		ts.Fatalf("%q did not come true in %v", args, patience)
	}
}

// quietly returns a command of the script that leaves no trace in its log: a
// condition is asked many times.
func quietly(ts *testscript.TestScript, args []string) *exec.Cmd {
	name := args[0]
	if name == "snakectl" {
		name = ts.Value(instanceKey{}).(*harness.Instance).Binary
	}
	cmd := exec.CommandContext(context.Background(), name, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(ts.Value(instanceKey{}).(*harness.Instance).Env(), "SNAKECTL_INSTANCE="+ts.Getenv("SNAKECTL_INSTANCE"))
	return cmd
}

// signalProcess signals processes: signal KILL $PID.
func signalProcess(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "signal KILL|STOP|CONT|TERM|INT PID...")
	signals := map[string]syscall.Signal{
		"KILL": syscall.SIGKILL, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT,
	}
	sig, ok := signals[args[0]]
	if !ok {
		ts.Fatalf("unknown signal %s", args[0])
	}
	for _, pid := range pids(ts, args[1:]) {
		ts.Check(syscall.Kill(pid, sig))
	}
}

// gone waits until none of the processes runs.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 1, "gone PID...")
	list := pids(ts, args)
	if !harness.Until(context.Background(), patience, func() bool { return !slices.ContainsFunc(list, harness.Running) }) {
		ts.Fatalf("of the processes %v some still run after %v", list, patience)
	}
}

// alive wants every process to run now.
func alive(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 1, "alive PID...")
	for _, pid := range pids(ts, args) {
		if !harness.Running(pid) {
			ts.Fatalf("process %d does not run", pid)
		}
	}
}

// processes waits until the instance has so many processes, the supervisor and
// whatever its workers started included: processes 0.
func processes(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "processes COUNT")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	instance := ts.Value(instanceKey{}).(*harness.Instance)
	var found []harness.Process
	ok := harness.Until(context.Background(), patience, func() bool {
		found, err = instance.Processes()
		return err != nil || len(found) == want
	})
	ts.Check(err)
	if !ok {
		ts.Fatalf("the instance has the processes %v, want %d", found, want)
	}
}

// noTCP wants that no process of the instance holds a TCP or UDP socket.
func noTCP(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "notcp")
	found, err := ts.Value(instanceKey{}).(*harness.Instance).NetworkSockets()
	ts.Check(err)
	if len(found) > 0 {
		ts.Fatalf("%s", strings.Join(found, "\n"))
	}
}

// request asks the supervisor over HTTP, wants that status, and writes the body to
// standard output: http 200 POST /v1/pools/api/exec/hello '{}' 'Origin: x'.
func request(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 3 && len(args) <= 5, "http STATUS METHOD PATH [BODY [HEADER]]")
	args = append(args, "", "")
	socket := ts.Value(instanceKey{}).(*harness.Instance).Dir + "/supervisor.sock"
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(context.Background(), args[1], "http://snakectl"+args[2], strings.NewReader(args[3]))
	ts.Check(err)
	if name, text, ok := strings.Cut(args[4], ": "); ok {
		req.Header.Set(name, text)
	}
	response, err := (&http.Client{Transport: transport, Timeout: patience}).Do(req)
	ts.Check(err)
	body, err := io.ReadAll(response.Body)
	ts.Check(errors.Join(err, response.Body.Close()))
	_, err = ts.Stdout().Write(body)
	ts.Check(err)
	if got := strconv.Itoa(response.StatusCode); got != args[0] {
		ts.Fatalf("%s %s is answered with %s, want %s\n%s", args[1], args[2], got, args[0], body)
	}
}

// edit replaces a text that occurs in a file exactly once: edit adapter.py old new.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 3, "edit FILE OLD NEW")
	text := ts.ReadFile(args[0])
	if n := strings.Count(text, args[1]); n != 1 {
		ts.Fatalf("%q occurs %d times in %s, want once", args[1], n, args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// fill writes a file of PREFIX, TEXT so many times, and SUFFIX.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 5, "fill FILE PREFIX TEXT COUNT SUFFIX")
	count, err := strconv.Atoi(args[3])
	ts.Check(err)
	text := args[1] + strings.Repeat(args[2], count) + args[4] + "\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// damage spoils a file: damage FILE truncate SIZE | zero FROM SIZE.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 3, "damage FILE truncate SIZE | zero FROM SIZE")
	numbers := pids(ts, args[2:])
	name := ts.MkAbs(args[0])
	switch {
	case args[1] == "truncate" && len(numbers) == 1:
		ts.Check(os.Truncate(name, int64(numbers[0])))
	case args[1] == "zero" && len(numbers) == 2:
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		ts.Check(err)
		_, err = f.WriteAt(make([]byte, numbers[1]), int64(numbers[0]))
		ts.Check(errors.Join(err, f.Close()))
	default:
		ts.Fatalf("damage: unknown kind %q", args[1:])
	}
}

// newer makes a state file one of the next release's format: newer state.db 9.9.0.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "newer FILE VERSION")
	ts.Check(statetest.AgeForward(ts.MkAbs(args[0]), state.Format+1, args[1]))
}

func usage(ts *testscript.TestScript, neg, ok bool, text string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", text)
	}
}

func pids(ts *testscript.TestScript, args []string) []int {
	list := make([]int, len(args))
	for i, arg := range args {
		n, err := strconv.Atoi(arg)
		ts.Check(err)
		list[i] = n
	}
	return list
}

// codeOf returns the exit code of a command that ran.
func codeOf(ts *testscript.TestScript, err error) int {
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		ts.Fatalf("%v", err)
	}
	return exit.ExitCode()
}

// holds reports whether the value at path stands in the relation to want. Both
// sides are compared as numbers where both are numbers.
func holds(document, path, relation, want string) (bool, error) {
	got, err := value(document, path)
	if err != nil {
		return false, err
	}
	if relation == "=~" {
		re, err := regexp.Compile(want)
		return err == nil && re.MatchString(got), err
	}
	order := strings.Compare(got, want)
	if a, errA := strconv.ParseFloat(got, 64); errA == nil {
		if b, errB := strconv.ParseFloat(want, 64); errB == nil {
			order = compareFloats(a, b)
		}
	}
	switch relation {
	case "==":
		return order == 0, nil
	case "!=":
		return order != 0, nil
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	case ">=":
		return order >= 0, nil
	default:
		return false, fmt.Errorf("unknown relation %q", relation)
	}
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}
