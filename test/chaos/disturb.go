package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/test/harness"
)

// disturber carries a schedule out.
type disturber struct {
	instance *harness.Instance
	client   *client.Client
	lives    *lives
	ledger   *ledger
	seed     uint64
	// config is the directory of the configuration, executions the log of the adapter.
	config, executions string
	// end is when disturbances have to end that have not begun yet.
	end time.Time
	// full is why the disk cannot be filled, empty where it can.
	full string

	// applying and handling let one apply, and one thing that is done to the
	// supervisor, go on at a time.
	applying, handling sync.Mutex

	// mu guards unseen, the calls that killed commands may have made.
	mu     sync.Mutex
	unseen []Call
}

// saw notes a call that a command may have made.
func (d *disturber) saw(c Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unseen = append(d.unseen, c)
}

// skip is why a disturbance could not be carried out.
type skip string

// play carries a schedule out. It returns when the last disturbance has ended; one
// that waits for others when the time is over is left out.
func (d *disturber) play(ctx context.Context, schedule []Disturbance, during time.Duration) {
	begun := time.Now()
	d.end = begun.Add(during)
	var all sync.WaitGroup
	for _, what := range schedule {
		timer := time.NewTimer(time.Until(begun.Add(what.At)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			all.Wait()
			return
		}
		all.Go(func() {
			d.ledger.note("%s", what)
			why := d.disturb(what)
			d.ledger.did(what.Kind, string(why))
			if why != "" {
				d.ledger.note("%-24s  skipped: %s", what.Kind, why)
			}
		})
	}
	all.Wait()
}

func (d *disturber) disturb(what Disturbance) skip {
	switch what.Kind {
	case KillWorker:
		return d.signalWorker(what, syscall.SIGKILL)
	case CrashWorker:
		return d.signalWorker(what, syscall.SIGSEGV)
	case FreezeWorker:
		return d.freezeWorker(what)
	case KillSupervisor:
		return d.killSupervisor(what)
	case FreezeSupervisor:
		return d.freezeSupervisor(what)
	case RestartSupervisor:
		return d.restartSupervisor()
	case KillCommand:
		return d.killCommand(what)
	case Disconnect:
		return d.disconnect(what)
	case ExhaustFiles:
		return d.exhaust(what)
	case FillDisk:
		return d.fill(what)
	case Apply, Rollback:
		return d.apply(what)
	case Scale:
		d.command("scale", what.Pool, fmt.Sprint(1+what.Pick%4))
	case Recycle:
		d.command("recycle", "--quiet", what.Pool)
	case Pause:
		return d.pause(what)
	}
	return ""
}

// turn waits for the lock. release must be called, also where the time was over.
func (d *disturber) turn(lock *sync.Mutex) (release func(), why skip) {
	lock.Lock()
	if time.Now().After(d.end) {
		why = "the time was over"
	}
	return lock.Unlock, why
}

// worker returns the pid of a worker of the pool that is aimed at.
func (d *disturber) worker(what Disturbance) (int, skip) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	workers, err := d.client.Workers(ctx, what.Pool)
	if err != nil {
		return 0, "no supervisor answered"
	}
	var pids []int
	for _, w := range workers {
		if w.PID > 0 {
			pids = append(pids, w.PID)
		}
	}
	if len(pids) == 0 {
		return 0, "the pool had no worker"
	}
	pid := pids[what.Pick%uint64(len(pids))]
	if !d.instance.Owns(pid) {
		return 0, "the worker was gone"
	}
	return pid, ""
}

func (d *disturber) signalWorker(what Disturbance, signal syscall.Signal) skip {
	pid, why := d.worker(what)
	if why == "" && syscall.Kill(pid, signal) != nil {
		return "the worker was gone"
	}
	return why
}

func (d *disturber) freezeWorker(what Disturbance) skip {
	pid, why := d.worker(what)
	if why != "" {
		return why
	}
	if syscall.Kill(pid, syscall.SIGSTOP) != nil {
		return "the worker was gone"
	}
	pause(what.Length)
	if d.instance.Owns(pid) {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	return ""
}

// pause lets a disturbance last.
func pause(length time.Duration) { <-time.After(length) }

// disconnect opens connections to the supervisor that say nothing, or nonsense, and
// closes them in the middle of it.
func (d *disturber) disconnect(what Disturbance) skip {
	rng := rand.New(rand.NewPCG(d.seed, what.Pick))
	var dialer net.Dialer
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var open []net.Conn
	for range 4 + rng.IntN(16) {
		conn, err := dialer.DialContext(ctx, "unix", d.client.Socket())
		if err != nil {
			break
		}
		open = append(open, conn)
		switch rng.IntN(4) {
		case 0:
			_, _ = conn.Write([]byte("GET /v1/events HTTP/1.1\r\nHost: supervisor\r\n\r\n"))
		case 1:
			_, _ = conn.Write([]byte("POST /v1/apply HTTP/1.1\r\nHost: supervisor\r\nContent-Length: 1000\r\n\r\n{"))
		case 2:
			nonsense := make([]byte, 1+rng.IntN(64))
			for i := range nonsense {
				nonsense[i] = byte(rng.Uint32())
			}
			_, _ = conn.Write(nonsense)
		}
	}
	pause(what.Length)
	for _, conn := range open {
		_ = conn.Close()
	}
	if len(open) == 0 {
		return "no supervisor answered"
	}
	return ""
}

// fill leaves no room on the instance's file system for a while.
func (d *disturber) fill(what Disturbance) skip {
	if d.full != "" {
		return skip(d.full)
	}
	name := filepath.Join(d.instance.Dir, fmt.Sprintf("ballast-%d", what.Pick))
	file, err := os.Create(name)
	if err != nil {
		return "it is full already"
	}
	block := make([]byte, 64<<10)
	for size := len(block); size >= 1; {
		if _, err := file.Write(block[:size]); err != nil {
			size /= 16
		}
	}
	pause(what.Length)
	_ = file.Close()
	_ = os.Remove(name)
	return ""
}

// apply brings a variant of the configuration into force. One that another operation
// is in the way of is tried again for a while.
func (d *disturber) apply(what Disturbance) skip {
	release, why := d.turn(&d.applying)
	defer release()
	if why != "" {
		return why
	}
	if err := variant(what.Pick).write(d.config, d.executions); err != nil {
		return skip(err.Error())
	}
	for range 20 {
		if d.command("apply", "--auto-approve", "--quiet", d.config) != inTheWay || time.Now().After(d.end) {
			break
		}
		pause(300 * time.Millisecond)
	}
	return ""
}

// pause takes a pool out of service for a while. A pause outlives supervisors, so
// it is ended however often that has to be tried.
func (d *disturber) pause(what Disturbance) skip {
	if d.command("pause", what.Pool) != 0 {
		return "it was refused"
	}
	pause(what.Length)
	for range 100 {
		if d.command("resume", what.Pool) == 0 {
			return ""
		}
		pause(100 * time.Millisecond)
	}
	d.ledger.violate(Commands, "resume %s did not work for ten seconds", what.Pool)
	return ""
}

// lines returns the last lines of a text.
func lines(text []byte, n int) string {
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-n):], "\n")
}
