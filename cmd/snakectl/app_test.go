package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/pool"
)

func TestUsageErrors(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"plna"}, "Did you mean plan?"},
		{[]string{"supervisor", "statu"}, "Did you mean start or status?"},
		{[]string{"restart"}, "Did you mean recycle or supervisor?"},
		{[]string{"list"}, "Did you mean status?"},
		{[]string{"destroy", "api"}, "take it out of the configuration"},
		{[]string{"scale", "api"}, "snakectl scale does not take 1 argument; usage: snakectl scale POOL N"},
		{[]string{"events", "--since", "yesterday"}, `write a duration such as 30s, 10m or 1h30m; see "snakectl events --help"`},
		{[]string{"plan", "--detailed"}, `see "snakectl plan --help"`},
		{[]string{"plan", "a", "b"}, "usage: snakectl plan [DIR|FILE]"},
		{[]string{"exec"}, "snakectl exec needs an argument; usage: snakectl exec [POOL] COMMAND"},
		{[]string{"exec", "no pool", "hello"}, "is not the address of a pool"},
		{[]string{"exec", "hello", "--repeat", "0"}, "--repeat must be from 1"},
		{[]string{"exec", "hello", "--concurrency", "4"}, "--concurrency needs --repeat"},
		{[]string{"exec", "hello", "--timeout", "-1s"}, "--timeout must be positive"},
		{[]string{"wait", "api", "--for", "lunch"}, "choose ready, idle or gone"},
		{[]string{"wait", "api", "--timeout", "0s"}, "--timeout must be positive"},
		{[]string{"scale", "api", "many"}, "a whole number from 0 to 10000"},
		{[]string{"scale", "api", "10001"}, "a whole number from 0 to 10000"},
		{[]string{"recycle", "api/x"}, "is not the address of a worker"},
		{[]string{"logs", "api", "--tail", "-2"}, "must not be less"},
		{[]string{"completion", "ksh"}, "choose bash, zsh or fish"},
		{[]string{"status"}, "no supervisor runs for the instance"},
		{[]string{"supervisor", "status"}, "no supervisor runs for the instance"},
		{[]string{"supervisor", "start", "--no-start"}, "--no-start forbids"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			a := newTestApp(t)
			if code := a.run(t, test.args...); code != exitError {
				t.Errorf("exit code %d, want %d", code, exitError)
			}
			if got := a.stderr.String(); !strings.HasPrefix(got, "Error: ") || !strings.Contains(got, test.want) {
				t.Errorf("stderr %q, want %q", got, test.want)
			}
			if a.stdout.String() != "" {
				t.Errorf("stdout %q, want nothing", a.stdout)
			}
			if _, err := os.Stat(a.dir); err == nil {
				t.Error("the instance directory was made")
			}
		})
	}
}

func TestAnswersOfASupervisor(t *testing.T) {
	f := &fakeSupervisor{status: pool.Status{
		Supervisor: pool.SupervisorStatus{PID: 4242, Version: "0.1.0", Instance: "/srv"},
		Pools:      []pool.PoolStatus{{Address: "pool.api", Size: 2}},
	}, events: course(pool.ResultConverged)}
	tests := []struct {
		args []string
		code int
		want string
	}{
		{[]string{"status"}, 0, "pool.api"},
		{[]string{"status", "--json"}, 0, `{"supervisor":{"pid":4242,`},
		{[]string{"supervisor", "status"}, 0, "pid 4242"},
		{[]string{"supervisor", "start"}, 0, "The supervisor runs already (pid 4242).\n"},
		{[]string{"scale", "api", "4"}, 0, "pool.api: size 2 -> 4\n"},
		{[]string{"recycle", "api/1"}, 0, "Recycled pool.api/1 in 34.6s.\n"},
		{[]string{"wait", "all"}, 0, ""},
		{[]string{"wait", "api", "--for=idle"}, exitTimeout, ""},
		{[]string{"logs", "api/0"}, 0, "lines of "},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			a := newTestApp(t).with(t, f)
			if code := a.run(t, test.args...); code != test.code {
				t.Errorf("exit code %d, want %d\n%s", code, test.code, a.stderr)
			}
			if !strings.Contains(a.stdout.String(), test.want) {
				t.Errorf("stdout %q, want %q", a.stdout, test.want)
			}
		})
	}
}

// TestHelpIsComplete keeps the promise of every command: one line, one paragraph,
// two examples that begin with the program's name.
func TestHelpIsComplete(t *testing.T) {
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		examples := strings.Split(strings.TrimSpace(cmd.Example), "\n")
		if cmd.Short == "" || cmd.Long == "" || strings.Contains(cmd.Long, "\n\n") || len(examples) != 2 {
			t.Errorf("%s: help has %d examples, short %q, long %q", cmd.CommandPath(), len(examples), cmd.Short, cmd.Long)
		}
		for _, line := range examples {
			if !strings.Contains(line, "snakectl") {
				t.Errorf("%s: the example %q is no command line", cmd.CommandPath(), line)
			}
		}
		if cmd.RunE == nil {
			t.Errorf("%s does nothing", cmd.CommandPath())
		}
		for _, inner := range cmd.Commands() {
			check(inner)
		}
	}
	check(newRootCommand(newTestApp(t).App))
}

func TestInstanceDir(t *testing.T) {
	tests := []struct {
		name string
		flag string
		env  []string
		want string
	}{
		{"flag wins", "/srv/a", []string{"SNAKECTL_INSTANCE=/srv/b"}, "/srv/a"},
		{"environment", "", []string{"SNAKECTL_INSTANCE=/srv/b", "XDG_STATE_HOME=/x"}, "/srv/b"},
		{"state home", "", []string{"XDG_STATE_HOME=/x", "HOME=/home/a"}, "/x/snakectl"},
		{"relative state home is ignored", "", []string{"XDG_STATE_HOME=x", "HOME=/home/a"}, ""},
		{"home", "", []string{"HOME=/home/a"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := test.want
			if want == "" {
				want = "/home/a/.local/state/snakectl"
				if os.Geteuid() == 0 {
					want = "/var/lib/snakectl"
				}
			}
			a := &App{Env: test.env, global: globalOptions{instance: test.flag}}
			if got, err := a.instanceDir(); err != nil || got != want {
				t.Errorf("instanceDir() = %q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestInitWritesOnceAndNeverOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "project")
	a := newTestApp(t)
	if code := a.run(t, "init", dir); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, a.stderr)
	}
	for _, name := range []string{"pools.hcl", "adapter.py", ".gitignore"} {
		if !strings.Contains(a.stdout.String(), "wrote "+filepath.Join(dir, name)+"\n") {
			t.Errorf("stdout %q does not name %s", a.stdout, name)
		}
	}
	// Any one of the files is enough to refuse, and then nothing is written.
	for _, name := range []string{"pools.hcl", "adapter.py"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		b := newTestApp(t)
		if code := b.run(t, "init", dir); code != exitError {
			t.Errorf("without %s: exit code %d, want %d", name, code, exitError)
		}
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("init wrote %s beside files it must not touch", name)
		}
	}
}

func TestColours(t *testing.T) {
	for _, test := range []struct {
		tty  bool
		flag bool
		env  []string
		want bool
	}{
		{true, false, nil, true},
		{false, false, nil, false},
		{true, true, nil, false},
		{true, false, []string{"NO_COLOR=1"}, false},
		{true, false, []string{"NO_COLOR="}, true},
		{true, false, []string{"TERM=dumb"}, false},
	} {
		a := &App{Env: test.env, global: globalOptions{noColor: test.flag}}
		if got := a.colored(test.tty); got != test.want {
			t.Errorf("colored with %+v = %v", test, got)
		}
	}
}

func TestForbiddenInstanceSaysWhatToDo(t *testing.T) {
	a := newTestApp(t)
	err := a.explain(fmt.Errorf("cannot connect to %s: %w", socketPath(a.dir), syscall.EACCES))
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "settings.access") || !strings.Contains(err.Error(), "--instance DIR") {
		t.Errorf("explain = %v, want the ways in", err)
	}
}
