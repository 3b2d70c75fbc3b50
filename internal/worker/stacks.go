package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// ErrNoStacks says that a process has nothing that would write its stacks: it is
// not so far yet, or its Python has no faulthandler.
var ErrNoStacks = errors.New("it does not listen for the signal that asks for stacks: it has only just started, or its adapter took SIGUSR1 for itself")

const (
	// stacksEvery is how often the file is looked at while stacks are written.
	stacksEvery = time.Millisecond
	// maxStacks bounds what is read of it.
	maxStacks = 256 << 10
	// single begins the dump of an interpreter that only tells of the thread that got
	// the signal: a free-threaded one, where no other thread can be stopped.
	single = "Stack (most recent call first):"
)

// Stacks has the process write the stacks of its threads to the file at path, which
// it opened when it started, and returns them. C code writes them in the signal's
// handler, so that a thread that holds the interpreter's lock is no obstacle. Only the
// process itself is signalled, and only if it handles the signal: it would end of it
// otherwise. ctx bounds the wait. One caller at a time.
func (id Identity) Stacks(ctx context.Context, path string) (string, error) {
	switch {
	case !id.Alive():
		return "", fmt.Errorf("process %d is not the worker any more", id.PID)
	case !catches(id.PID, syscall.SIGUSR1):
		return "", ErrNoStacks
	}
	if err := os.Truncate(path, 0); errors.Is(err, fs.ErrNotExist) {
		return "", ErrNoStacks
	} else if err != nil {
		return "", fmt.Errorf("cannot empty the file of stacks: %w", err)
	}
	blocked := blocking(id.PID, syscall.SIGUSR1)
	if err := syscall.Kill(id.PID, syscall.SIGUSR1); err != nil {
		return "", fmt.Errorf("cannot signal process %d: %w", id.PID, err)
	}
	text, err := awaitStacks(ctx, id.PID, path, blocked)
	if err != nil || !bytes.HasPrefix(text, []byte(single)) {
		return string(text), err
	}
	return id.stacksOfEach(ctx, path, blocked)
}

// stacksOfEach asks one thread after the other, where each tells of itself alone.
func (id Identity) stacksOfEach(ctx context.Context, path string, blocked map[int]bool) (string, error) {
	var b bytes.Buffer
	for _, tid := range threads(id.PID) {
		if err := os.Truncate(path, 0); err != nil {
			return b.String(), err
		}
		if signalThread(id.PID, tid, syscall.SIGUSR1) != nil {
			continue // it has ended
		}
		text, err := awaitStacks(ctx, id.PID, path, blocked)
		if err != nil {
			return b.String(), err
		}
		if frames, ok := bytes.CutPrefix(text, []byte(single)); ok {
			fmt.Fprintf(&b, "Thread %#x (most recent call first):%s\n", tid, frames)
		}
	}
	return b.String(), nil
}

// awaitStacks waits until a dump is complete: there is one, and no thread is still in
// the handler of the signal, which the kernel holds back meanwhile. Where that cannot
// be seen, until it does not grow any more.
func awaitStacks(ctx context.Context, pid int, path string, blocked map[int]bool) ([]byte, error) {
	tick := time.NewTicker(stacksEvery)
	defer tick.Stop()
	size, quiet := 0, 0
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("process %d did not write its stacks in time: it is stopped, or something else handles SIGUSR1", pid)
		}
		done := !handling(pid, syscall.SIGUSR1, blocked) // looked at before the file: what is complete then is
		text, err := readStacks(path)
		if err != nil {
			return nil, err
		}
		if quiet++; len(text) != size {
			size, quiet = len(text), 0
		}
		if size > 0 && done && quiet >= quietTicks {
			return text, nil
		}
	}
}

func readStacks(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the stacks: %w", err)
	}
	defer f.Close()
	b := make([]byte, maxStacks)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("cannot read the stacks: %w", err)
	}
	return b[:n], nil
}
