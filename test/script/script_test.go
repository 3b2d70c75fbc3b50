package script

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/runtime"
	"github.com/snakectl/snakectl/internal/supervisor"
	"github.com/snakectl/snakectl/test/harness"
)

func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("the scripts start real processes")
	}
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := harness.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                "testdata",
		WorkdirRoot:        t.TempDir(), // its own is left behind when -run selects some scripts
		Cmds:               commands,
		UpdateScripts:      os.Getenv("UPDATE") != "",
		RequireUniqueNames: true,
		Condition:          condition,
		Setup: func(env *testscript.Env) error {
			instance, err := harness.New(t.Context(), binary)
			if err != nil {
				return err
			}
			env.Values[instanceKey{}] = instance
			env.Vars = append(env.Vars, instance.Env()...)
			env.Setenv("INSTANCE", instance.Dir)
			env.Setenv("EXAMPLES", filepath.Join(root, "examples"))
			env.Setenv("ROOT", root)
			env.Setenv("PYENV_ROOT", pyenvRoot())
			env.Defer(func() {
				if err := instance.Close(context.WithoutCancel(t.Context())); err != nil {
					t.Errorf("%s: %v", env.WorkDir, err)
				}
			})
			return nil
		},
	})
}

// pyenvRoot is where this machine's pyenv is, which scripts find although they have
// another home.
func pyenvRoot() string {
	if root := os.Getenv("PYENV_ROOT"); root != "" {
		return root
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".pyenv")
}

// condition says what this machine allows: pidns is a PID namespace of one's own,
// nogpu a kernel with a list of drivers in which a GPU can be made up,
// rlimit that a supervisor started here holds workers by resource limits, python:3.13t
// that discovery finds such a Python.
func condition(name string) (bool, error) {
	if version, ok := strings.CutPrefix(name, "python:"); ok {
		declared := pool.Runtime{Name: name, Declared: pool.RuntimeSpec{Version: version}}
		_, err := runtime.Resolve(context.Background(), declared, "/", nil)
		return err == nil, nil
	}
	switch name {
	case "nogpu":
		_, driver := os.Stat("/proc/driver")
		_, gpus := os.Stat("/proc/driver/nvidia")
		return driver == nil && gpus != nil, nil
	case "rlimit":
		_, confinement := supervisor.Confine(0)
		return confinement.Memory == pool.MechanismRlimit, nil
	case "pidns":
	default:
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return exec.CommandContext(context.Background(), "unshare", "--pid", "--fork", "--mount-proc", "true").Run() == nil, nil
}
