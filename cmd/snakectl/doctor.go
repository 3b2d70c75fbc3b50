package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/runtime"
	"github.com/snakectl/snakectl/internal/state"
	"github.com/snakectl/snakectl/internal/supervisor"
)

// verdict says how a check went.
type verdict string

const (
	verdictOK   verdict = "ok"
	verdictWarn verdict = "warn"
	verdictFail verdict = "fail"
)

// finding is what one check found, and how to mend it.
type finding struct {
	Check   string  `json:"check"`
	Verdict verdict `json:"verdict"`
	Found   string  `json:"found"`
	// Mend says what to do; empty where nothing has to be done.
	Mend string `json:"mend,omitempty"`
}

const (
	// diskFail and diskWarn are how much room the instance needs, in bytes.
	diskFail, diskWarn = 100 << 20, 1 << 30
	// filesEach and filesBase are how many files a supervisor opens for a worker with
	// its callers, and for itself.
	filesEach, filesBase = 8, 64
)

// examine looks at the instance from all sides. status is nil when no supervisor
// answers, and accepted is what it carries out, or what the state remembers.
func (a *App) examine(ctx context.Context, c *client.Client, dir string) []finding {
	findings := []finding{examineDirectory(dir), examineState(dir)}
	status, err := c.Status(ctx)
	findings = append(findings, a.examineSupervisor(dir, status, err))
	var accepted *pool.Desired
	_, confinement := supervisor.Confine(0)
	pid := os.Getpid()
	if status != nil {
		pid = status.Supervisor.PID
		if observed, err := c.Observed(ctx); err == nil {
			accepted, confinement = observed.Accepted, observed.Confinement
		}
	} else if view, err := state.ReadCopy(dir); err == nil {
		accepted = view.Accepted
	}
	policy, _ := access.New(uint32(os.Getuid()), accepted) //nolint:gosec // a user id is not negative here
	open, _ := policy.Opening()
	findings = append(findings, examineSocket(filepath.Join(dir, "supervisor.sock"), status != nil, open),
		examineSocket(filepath.Join(dir, "worker.sock"), status != nil, 0o600))
	findings = append(findings, examineInterpreters(accepted)...)
	findings = append(findings, examineEnvironments(accepted, environmentsOf(dir))...)
	findings = append(findings, examinePools(status)...)
	return append(findings, examineDisk(dir), examineFiles(pid, accepted), examineLimits(confinement))
}

func examineDirectory(dir string) finding {
	f := finding{Check: "instance", Verdict: verdictOK, Found: dir}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Found = dir + " does not exist yet: nothing was applied"
	case err != nil:
		f.Verdict, f.Found, f.Mend = verdictFail, err.Error(), "name a directory that you may use with --instance DIR"
	case info.Mode().Perm()&0o022 != 0:
		f.Verdict, f.Found = verdictFail, fmt.Sprintf("others may write to %s (%#o)", dir, info.Mode().Perm())
		f.Mend = "chmod 700 " + dir
	}
	return f
}

func examineState(dir string) finding {
	f := finding{Check: "state", Verdict: verdictOK, Found: "there is none yet"}
	if !hasState(dir) {
		return f
	}
	view, err := state.ReadCopy(dir)
	switch {
	case err != nil:
		f.Verdict, f.Found = verdictFail, err.Error()
		f.Mend = "start the supervisor, which restores the newest backup: snakectl supervisor restart"
	case view.Notice != "":
		f.Verdict, f.Found = verdictFail, view.Notice
		f.Mend = "snakectl supervisor restart, then look at \"snakectl plan\" for what is missing"
	default:
		f.Found = fmt.Sprintf("sound, revision %d", view.Revision)
	}
	return f
}

func (a *App) examineSupervisor(dir string, status *client.Status, err error) finding {
	f := finding{Check: "supervisor", Verdict: verdictOK}
	switch {
	case errors.Is(err, client.ErrNoSupervisor) && !hasState(dir):
		f.Found = "none runs, and nothing was applied"
	case errors.Is(err, client.ErrNoSupervisor):
		f.Verdict, f.Found, f.Mend = verdictFail, "none runs", "snakectl supervisor start"
	case err != nil:
		f.Verdict, f.Found, f.Mend = verdictFail, err.Error(), "see "+logPath(dir)+", then snakectl supervisor restart"
	case status.Supervisor.Version != a.Version:
		f.Verdict, f.Mend = verdictWarn, "snakectl supervisor restart"
		f.Found = fmt.Sprintf("pid %d is version %s, this program is %s", status.Supervisor.PID, status.Supervisor.Version, a.Version)
	default:
		f.Found = fmt.Sprintf("pid %d, version %s, as this program", status.Supervisor.PID, a.Version)
	}
	return f
}

// examineSocket compares the mode of a socket with the one that it should have.
func examineSocket(path string, expected bool, mode fs.FileMode) finding {
	f := finding{Check: "socket", Verdict: verdictOK, Found: path}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !expected:
		f.Found = path + " is not there, as no supervisor runs"
	case err != nil:
		f.Verdict, f.Found, f.Mend = verdictFail, err.Error(), "snakectl supervisor restart"
	case info.Mode().Perm()&0o077&^mode != 0:
		f.Verdict, f.Found = verdictFail, fmt.Sprintf("%s is open to more users (%#o) than settings.access names (%#o)", path, info.Mode().Perm(), mode)
		f.Mend = fmt.Sprintf("chmod %o %s", mode, path)
	}
	return f
}

// examineInterpreters looks whether workers could be started again.
func examineInterpreters(accepted *pool.Desired) []finding {
	if accepted == nil {
		return nil
	}
	var out []finding
	for _, name := range sortedKeys(accepted.Runtimes) {
		rt := accepted.Runtimes[name]
		f := finding{Check: "interpreter", Verdict: verdictOK, Found: fmt.Sprintf("%s: %s, Python %s", name, rt.Interpreter, rt.Version)}
		info, err := os.Stat(rt.Interpreter)
		if err == nil && info.Mode().Perm()&0o111 == 0 {
			err = errors.New("it is not executable")
		}
		if err != nil {
			f.Verdict, f.Found = verdictFail, fmt.Sprintf("%s: cannot use %s: %v", name, rt.Interpreter, err)
			f.Mend = "install Python " + rt.Version + " there again, or set another interpreter and run snakectl apply"
		}
		out = append(out, f)
	}
	return out
}

// examineEnvironments looks whether what was installed for the runtimes is still there.
func examineEnvironments(accepted *pool.Desired, store runtime.Store) []finding {
	if accepted == nil {
		return nil
	}
	var out []finding
	for _, name := range sortedKeys(accepted.Runtimes) {
		env := accepted.Runtimes[name].Environment
		if env == nil {
			continue
		}
		f := finding{Check: "environment", Verdict: verdictOK, Found: name + ": " + store.Path(env.Key)}
		if !store.Has(env.Key) {
			f.Verdict, f.Found = verdictFail, name+": "+store.Path(env.Key)+" is not there any more"
			f.Mend = "snakectl apply builds it again"
		}
		out = append(out, f)
	}
	return out
}

func examinePools(status *client.Status) []finding {
	if status == nil {
		return nil
	}
	var out []finding
	for i := range status.Pools {
		p := &status.Pools[i]
		f := finding{Check: "pool", Verdict: verdictOK, Found: fmt.Sprintf("%s: %d of %d workers ready", p.Address, p.Ready, p.Size)}
		quarantined := 0
		for _, w := range p.Workers {
			if w.State == pool.WorkerQuarantined {
				quarantined++
			}
		}
		switch {
		case quarantined > 0:
			f.Verdict, f.Found = verdictFail, fmt.Sprintf("%s, %d places quarantined: %s", f.Found, quarantined, firstLine(p.Message))
			f.Mend = fmt.Sprintf("snakectl logs %s, mend the adapter, snakectl apply", p.Address)
		case p.Ready < p.Size:
			f.Verdict, f.Mend = verdictWarn, fmt.Sprintf("snakectl wait %s, or snakectl events --filter pool=%s", p.Address, p.Address)
		}
		out = append(out, f)
	}
	return out
}

func examineDisk(dir string) finding {
	for { // the directory may not be there yet
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	var fsys unix.Statfs_t
	if err := unix.Statfs(dir, &fsys); err != nil {
		return finding{Check: "disk", Verdict: verdictWarn, Found: fmt.Sprintf("cannot tell how much room %s has: %v", dir, err), Mend: "look with df"}
	}
	free := uint64(fsys.Bavail) * uint64(fsys.Bsize) //nolint:gosec,unconvert // the types differ between systems; both are sizes
	return examineRoom(dir, free)
}

// examineRoom judges how many bytes are free where the instance is.
func examineRoom(dir string, free uint64) finding {
	f := finding{Check: "disk", Verdict: verdictOK}
	f.Found = fmt.Sprintf("%s free at %s", bytesText(int64(min(free, uint64(unlimited)))), dir)
	switch {
	case free < diskFail:
		f.Verdict, f.Mend = verdictFail, "make room: the state cannot be written when the disk is full"
	case free < diskWarn:
		f.Verdict, f.Mend = verdictWarn, "make room soon: logs and copies of adapters need it"
	}
	return f
}

// examineLimits tells what holds workers to limits.memory, and what would be better.
func examineLimits(c pool.Confinement) finding {
	f := finding{Check: "limits", Verdict: verdictOK, Found: confinementText(c), Mend: c.Mend}
	if c.Memory == "" {
		f.Mend = "run pools with limits on Linux"
	}
	return f
}

// confinementText says what holds workers to limits.memory, and why it is no better.
func confinementText(c pool.Confinement) string {
	switch c.Memory {
	case pool.MechanismCgroup:
		return fmt.Sprintf("limits.memory by cgroup v2 at %s", c.Where)
	case pool.MechanismRlimit:
		return "limits.memory by rlimit, for each process alone: " + c.Why
	}
	return "limits.memory is refused: " + c.Why
}

// examineFiles compares the limit on open files with what the accepted pools need.
func examineFiles(pid int, accepted *pool.Desired) finding {
	f := finding{Check: "nofile", Verdict: verdictOK}
	need := int64(filesBase)
	if accepted != nil {
		for i := range accepted.Pools {
			need += int64(accepted.Pools[i].Size) * filesEach
		}
	}
	limit := unlimited
	if text := readText(fmt.Sprintf("/proc/%d/limits", pid)); text != "" {
		limit = limitOf(text, "Max open files")
	}
	f.Found = fmt.Sprintf("limit %s, about %d needed", limitText(limit), need)
	if limit < need {
		f.Verdict, f.Mend = verdictFail, "raise it with ulimit -n, or LimitNOFILE= in the unit, and snakectl supervisor restart"
	}
	return f
}
