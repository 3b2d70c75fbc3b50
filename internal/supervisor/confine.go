package supervisor

import (
	"errors"
	"runtime"

	"github.com/snakectl/snakectl/internal/cgroup"
	"github.com/snakectl/snakectl/internal/pool"
)

// Confine tells how workers would be held to their limits by a supervisor whose
// process is self; 0 for one that somebody would start from here. It changes
// nothing. The site is where control groups can be made, nil for nowhere.
func Confine(self int) (*cgroup.Site, pool.Confinement) {
	if runtime.GOOS != "linux" {
		return nil, pool.Confinement{Why: "limits work on Linux alone"}
	}
	site, err := cgroup.Find("/proc", self)
	if err == nil {
		return site, pool.Confinement{Memory: pool.MechanismCgroup, Where: site.Base}
	}
	out := pool.Confinement{Memory: pool.MechanismRlimit, Why: err.Error()}
	if cause, ok := errors.AsType[*cgroup.UnavailableError](err); ok {
		out.Mend = cause.Mend
	}
	return nil, out
}

// Machine returns what a supervisor that is started with an environment knows of the
// machine.
func Machine(environ []string) pool.Machine {
	return pool.Machine{CPUs: runtime.NumCPU(), Environ: pool.Inherited(environ)}
}
