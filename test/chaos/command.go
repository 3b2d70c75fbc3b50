package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// commandToken begins the tokens of calls that a command makes to commandPool: nobody
// here sees how they end, nor whether they reach a supervisor.
const (
	commandToken = "command-"
	commandPool  = "plain"
)

// commandLimit is how long a command may take, whatever is broken.
const commandLimit = 2 * time.Minute

// inTheWay is the exit code of a command that another operation is in the way of.
const inTheWay = 5

// documented are the exit codes that each command may have while things break.
var documented = map[string][]int{
	"apply":              {0, 1, 3, 4, 5, 130}, // 3: a worker was killed while it proved itself; 130: the supervisor was told to end meanwhile
	"recycle":            {0, 1, 4, 5, 130},
	"scale":              {0, 1, 5},
	"pause":              {0, 1},
	"resume":             {0, 1},
	"supervisor start":   {0, 1},
	"supervisor restart": {0, 1, 11, 12},
	"supervisor stop":    {0},
	"plan":               {0, 1, 2},
	"destroy":            {0},
}

// command runs the program and returns its exit code. name may be two words.
func (d *disturber) command(name string, args ...string) int {
	code, out := d.start(name, args...)
	d.ledger.exited(name, code)
	if !slices.Contains(documented[name], code) || bytes.Contains(out, []byte("internal error")) {
		d.ledger.violate(Commands, "%s %v ended with %s\n%s", name, args, codeName(code), lines(out, 20))
	}
	return code
}

// start runs the program and returns its exit code and what it wrote.
func (d *disturber) start(name string, args ...string) (int, []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.instance.Binary, append(strings.Fields(name), args...)...)
	cmd.Env = d.instance.Env()
	out, err := cmd.CombinedOutput()
	code := cmd.ProcessState.ExitCode()
	if err != nil && code < 0 {
		out = append(out, err.Error()...)
	}
	d.ledger.note("%s %s: %s  %s", name, strings.Join(args, " "), codeName(code), lines(out, 1))
	return code, out
}

// victims are the commands that are killed half way.
func (d *disturber) victims(what Disturbance) [][]string {
	return [][]string{
		{"apply", "--auto-approve", "--quiet", d.config},
		{"apply", "--auto-approve", "--quiet", d.config},
		{"plan", d.config},
		{"status", "--json"},
		{"exec", commandPool, "work", fmt.Sprintf(`{"token":"%s%d","ms":50}`, commandToken, what.Pick)},
		{"recycle", "plain"},
		{"events", "--follow"},
		{"logs", "-f"},
		{"supervisor", "start"},
		{"wait", "plain", "--for=ready"},
	}
}

func (d *disturber) killCommand(what Disturbance) skip {
	all := d.victims(what)
	args := all[what.Pick%uint64(len(all))]
	if args[0] == "apply" {
		release, why := d.turn(&d.applying)
		defer release()
		if why != "" {
			return why
		}
		if err := variant(what.Pick).write(d.config, d.executions); err != nil {
			return skip(err.Error())
		}
	}
	cmd := exec.Command(d.instance.Binary, args...) //nolint:noctx // it is killed below
	cmd.Env = d.instance.Env()
	before := d.lives.now()
	if err := cmd.Start(); err != nil {
		return skip(err.Error())
	}
	pause(what.Length)
	_ = cmd.Process.Kill()
	err := cmd.Wait()
	if args[0] == "exec" {
		d.saw(Call{Pool: commandPool, Unseen: true, Before: before, After: d.lives.now()})
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return skip(err.Error())
	}
	return ""
}
