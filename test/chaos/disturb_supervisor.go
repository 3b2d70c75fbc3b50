package chaos

import (
	"context"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/test/harness"
)

// supervisor returns the pid of the supervisor that answers.
func (d *disturber) supervisor() (int, skip) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	status, err := d.client.Status(ctx)
	if err != nil || !d.instance.Owns(status.Supervisor.PID) {
		return 0, "no supervisor answered"
	}
	return status.Supervisor.PID, ""
}

// takeSupervisor waits until nothing else is done to the supervisor, and returns its
// pid. release must be called in any case.
func (d *disturber) takeSupervisor() (pid int, release func(), why skip) {
	release, why = d.turn(&d.handling)
	if why == "" {
		pid, why = d.supervisor()
	}
	return pid, release, why
}

func (d *disturber) killSupervisor(what Disturbance) skip {
	pid, release, why := d.takeSupervisor()
	defer release()
	if why != "" {
		return why
	}
	ended := d.lives.ending(pid)
	_ = syscall.Kill(pid, syscall.SIGKILL)
	harness.Until(context.Background(), 10*time.Second, func() bool { return !harness.Running(pid) })
	ended(false)
	pause(what.Length)
	d.revive()
	return ""
}

// revive starts the supervisor, and tries again where the disk is full.
func (d *disturber) revive() {
	for range 20 {
		if d.command("supervisor start") == 0 {
			return
		}
		pause(300 * time.Millisecond)
	}
	d.ledger.violate(Commands, "supervisor start did not work for twenty tries")
}

func (d *disturber) restartSupervisor() skip {
	pid, release, why := d.takeSupervisor()
	defer release()
	if why != "" {
		return why
	}
	ended := d.lives.ending(pid)
	code := d.command("supervisor restart")
	ended(d.instance.Owns(pid))
	if code != 0 {
		d.revive()
	}
	return ""
}

func (d *disturber) freezeSupervisor(what Disturbance) skip {
	pid, release, why := d.takeSupervisor()
	defer release()
	if why != "" {
		return why
	}
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	pause(what.Length)
	if d.instance.Owns(pid) {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	return ""
}

// exhaust leaves the supervisor hardly a descriptor for a while.
func (d *disturber) exhaust(what Disturbance) skip {
	pid, release, why := d.takeSupervisor()
	defer release()
	if why != "" {
		return why
	}
	restore, err := allowDescriptors(pid, uint64(descriptors(pid))+what.Pick%4)
	if err != nil {
		return skip(err.Error())
	}
	pause(what.Length)
	if d.instance.Owns(pid) {
		restore()
	}
	return ""
}
