package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/snakectl/snakectl/internal/pool"
)

// Process is one started or adopted process. Its methods are safe for concurrent
// use.
type Process struct {
	Identity
	// Inherited are the limits that a started process had before any was set; zero for
	// an adopted one.
	Inherited pool.Rlimits
	done      chan struct{}
	exit      Exit
}

// Done is closed when the process has exited.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit tells how the process ended; call it only after Done is closed.
func (p *Process) Exit() Exit { return p.exit }

// Command is what a process is started from.
type Command struct {
	// Args are the program, an absolute path, and its arguments.
	Args []string
	Dir  string
	Env  []string
	// Files become descriptors 0, 1, 2, 3 and so on of the process.
	Files []*os.File
	// Group is the directory of the control group that the process starts in, nil for
	// that of its parent. Linux only.
	Group *os.File
}

// Reaper starts processes and learns of their ends. There is one in a process.
type Reaper struct {
	log *slog.Logger

	// mu guards children and adopted. It is held while a process is started, so
	// that its end cannot be reaped before it is known.
	mu       sync.Mutex
	children map[int]*Process
	adopted  map[int]*Process // by descriptor
	wakeR    *os.File
	wakeW    *os.File
}

// NewReaper makes this process a subreaper and returns its reaper; Run does the
// work.
func NewReaper(log *slog.Logger) (*Reaper, error) {
	if err := becomeSubreaper(); err != nil {
		return nil, fmt.Errorf("cannot become a subreaper: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make the reaper's pipe: %w", err)
	}
	return &Reaper{log: log, children: map[int]*Process{}, adopted: map[int]*Process{}, wakeR: r, wakeW: w}, nil
}

// Start starts a process as the leader of its own process group.
func (r *Reaper) Start(cmd Command) (*Process, error) {
	files := make([]uintptr, len(cmd.Files))
	for i, f := range cmd.Files {
		files[i] = f.Fd()
	}
	attr := &syscall.ProcAttr{Dir: cmd.Dir, Env: cmd.Env, Files: files, Sys: attributes(cmd.Group)}
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(cmd.Args[0], cmd.Args, attr)
	if err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", cmd.Args[0], err)
	}
	// It cannot be reaped while mu is held, so its pid is still its own.
	id, err := Identify(pid)
	if err != nil {
		id = Identity{PID: pid, BootID: BootID()} // it is a zombie already
	}
	p := &Process{Identity: id, done: make(chan struct{})}
	p.Inherited, _ = id.Rlimits() // of a zombie they matter no more
	r.children[pid] = p
	return p, nil
}

// Claim makes a process whose end is told of a child that this process did not
// start: it was forked by one of its children, and is its own since the process
// between them ended. It fails when pid is not such a child.
func (r *Reaper) Claim(pid int) (*Process, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// From here on it is not reaped unnoticed: whoever waits for it then asks for mu.
	if parent, err := parentOf(pid); err != nil || parent != os.Getpid() || r.children[pid] != nil {
		return nil, fmt.Errorf("process %d is not a new child", pid)
	}
	id, err := Identify(pid)
	if err != nil {
		id = Identity{PID: pid, BootID: BootID()} // it is a zombie already
	}
	p := &Process{Identity: id, done: make(chan struct{})}
	p.Inherited, _ = id.Rlimits() // of a zombie they matter no more
	r.children[pid] = p
	return p, nil
}

// adoptChild takes up a child that this process has without knowing of it, nil where
// id does not name one. Nobody but the reaper can free a child's pid, whether it lives
// or not.
func (r *Reaper) adoptChild(id Identity) *Process {
	if id.BootID != BootID() || !isOwnChild(id.PID) {
		return nil
	}
	if start, err := startTime(id.PID); err == nil && start != id.StartTime {
		return nil
	}
	p := &Process{Identity: id, done: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.children[id.PID] = p
	return p
}

// Adopt watches a process that somebody else started, or a former image of this one.
// It fails when the process is not the one that id names. Call it before Run where
// children are adopted: their ends would be reaped as anybody's.
func (r *Reaper) Adopt(id Identity) (*Process, error) {
	if p := r.adoptChild(id); p != nil {
		return p, nil
	}
	fd, err := openProcess(id.PID)
	if err != nil {
		return nil, fmt.Errorf("cannot watch process %d: %w", id.PID, err)
	}
	if !id.Alive() { // looked at after the descriptor was taken: no race with reuse
		closeProcess(fd)
		return nil, fmt.Errorf("process %d is not the worker any more", id.PID)
	}
	p := &Process{Identity: id, done: make(chan struct{})}
	r.mu.Lock()
	r.adopted[fd] = p
	r.mu.Unlock()
	_, _ = r.wakeW.Write([]byte{0})
	return p, nil
}

// Run reaps until ctx ends. Ends that come later are nobody's: call it around
// everything that starts processes.
func (r *Reaper) Run(ctx context.Context) {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	defer signal.Stop(children)
	var watcher sync.WaitGroup
	watcher.Go(func() { r.watchAdopted(ctx) })
	for {
		r.reap()
		select {
		case <-children:
		case <-ctx.Done():
			_, _ = r.wakeW.Write([]byte{0})
			watcher.Wait()
			return
		}
	}
}

// reap collects every child that has exited.
func (r *Reaper) reap() {
	for {
		// A worker's group is killed while its leader is a zombie: until it is waited
		// for, its pid cannot name anything else. Then that very child is waited for, and
		// not another that has exited meanwhile.
		which := -1
		if pid, err := peekExited(); err == nil && pid > 0 {
			which = pid
			if r.isChild(pid) {
				_ = syscall.Kill(-pid, syscall.SIGKILL)
			}
		}
		var status syscall.WaitStatus
		var usage syscall.Rusage
		pid, err := syscall.Wait4(which, &status, syscall.WNOHANG, &usage)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil || pid <= 0:
			return
		}
		r.mu.Lock()
		p := r.children[pid]
		delete(r.children, pid)
		r.mu.Unlock()
		if p == nil {
			r.log.Debug("reaped an orphan of a worker", "pid", pid)
			continue
		}
		p.exit = exitOf(status, &usage)
		close(p.done)
	}
}

func (r *Reaper) isChild(pid int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.children[pid] != nil
}

// watchAdopted waits for the ends of adopted processes, all in one poll.
func (r *Reaper) watchAdopted(ctx context.Context) {
	wake := int(r.wakeR.Fd())
	for ctx.Err() == nil {
		r.mu.Lock()
		fds := make([]int, 0, len(r.adopted))
		for fd := range r.adopted {
			fds = append(fds, fd)
		}
		r.mu.Unlock()
		exited, err := watchExits(wake, fds)
		if err != nil {
			r.log.Error("cannot watch adopted workers", "err", err)
			return
		}
		for _, i := range exited {
			r.mu.Lock()
			p := r.adopted[fds[i]]
			delete(r.adopted, fds[i])
			r.mu.Unlock()
			closeProcess(fds[i])
			_ = syscall.Kill(-p.PID, syscall.SIGKILL)
			close(p.done)
		}
	}
}
