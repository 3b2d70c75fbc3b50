package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Files of an instance directory that belong to the store.
const (
	fileDB      = "state.db"
	fileSidecar = "state.id"
	// fileUnrecorded is there while workers may live that have no record yet.
	fileUnrecorded = "state.unrecorded"
	fileLock       = "state.lock"
	filePID        = "supervisor.pid"
	fileAccepted   = "accepted.json"
)

// ownership is the exclusive claim to an instance directory. The lock is on a
// file of its own, so that state.db may be renamed and copied; the kernel lifts
// it when the process ends, however it ends.
type ownership struct {
	dir  string
	file *os.File
}

// own takes the directory. inherited is the lock of a former image of this process,
// nil for none.
func own(dir string, inherited *os.File) (*ownership, error) {
	if inherited != nil {
		syscall.CloseOnExec(int(inherited.Fd())) //nolint:gosec // a descriptor fits
		if err := flock(inherited); err != nil {
			return nil, fmt.Errorf("cannot go on holding %s: %w", dir, err)
		}
		return &ownership{dir: dir, file: inherited}, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot create the instance directory %s: %w; choose another with --instance DIR", dir, cause(err))
	}
	file, err := os.OpenFile(filepath.Join(dir, fileLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write in the instance directory %s: %w; choose another with --instance DIR", dir, cause(err))
	}
	if err := claim(file, dir); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &LockedError{Dir: dir, PID: ownerOf(dir)}
		}
		return nil, fmt.Errorf("cannot lock %s: %w", file.Name(), err)
	}
	o := &ownership{dir: dir, file: file}
	if err := writeFile(filepath.Join(dir, filePID), []byte(strconv.Itoa(os.Getpid())+"\n"), false); err != nil {
		o.release()
		return nil, fmt.Errorf("cannot write in the instance directory %s: %w; choose another with --instance DIR", dir, cause(err))
	}
	return o, nil
}

// release gives the directory up. The name of the owner goes first: a later
// owner's must not be removed.
func (o *ownership) release() {
	_ = os.Remove(filepath.Join(o.dir, filePID))
	_ = o.file.Close()
}

// lingering is how long the kernel may take to close the files of an owner that was
// killed: it ends thread by thread.
const lingering = 2 * time.Second

// claim takes the lock. Where an owner holds it that has ended as far as anybody can
// see, it waits for the kernel; a living one is told of at once.
func claim(file *os.File, dir string) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; <-tick.C {
		err := flock(file)
		if !errors.Is(err, syscall.EWOULDBLOCK) || !ended(ownerOf(dir)) || time.Since(begun) > lingering {
			return err
		}
	}
}

// ended reports whether a process is gone, or a zombie.
func ended(pid int) bool {
	if pid == 0 {
		return false
	}
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// The state follows the name, which is in parentheses and may hold anything.
	_, state, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ")
	return strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X")
}

func flock(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// ownerOf returns the process id that the owner of dir wrote, or 0. The owner
// writes it just after it took the lock, so a reader may come too early.
func ownerOf(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, filePID))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}

// cause drops the operation and the path from a file error, for messages that
// name the path themselves.
func cause(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err
	}
	return err
}
