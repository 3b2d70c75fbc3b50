package watch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// notices are what the kernel is asked to tell of a directory. Writing is told when
// the file is closed: before that it is half a file.
const notices = unix.IN_CLOSE_WRITE | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// inotify is the source of Linux (inotify(7)): one watch for each directory.
type inotify struct {
	root string
	skip func(dir string) bool
	// file is the descriptor fd, in the runtime's poller.
	file *os.File
	fd   int
	dirs map[int32]string // by watch, relative to the root
}

// native returns an error where the kernel gives no more watches.
func native(root string, skip func(dir string) bool) (source, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot ask the kernel for changes: %w", err)
	}
	s := &inotify{root: root, skip: skip, fd: fd, file: os.NewFile(uintptr(fd), "inotify"), dirs: map[int32]string{}}
	if _, err := s.add("."); err != nil {
		s.file.Close()
		return nil, err
	}
	return s, nil
}

// add watches a directory and what is below it, and returns the files that are there
// already. A directory that is gone has none.
func (s *inotify) add(dir string) (there []string, err error) {
	full := filepath.Join(s.root, dir)
	if dir != "." && s.skip(full) {
		return nil, nil
	}
	watch, err := unix.InotifyAddWatch(s.fd, full, notices)
	switch {
	case dir != "." && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, fs.ErrPermission)):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("cannot watch %s: %w", full, err)
	}
	s.dirs[int32(watch)] = dir
	entries, _ := os.ReadDir(full) // of one that went meanwhile there is nothing to tell
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !e.IsDir() {
			there = append(there, path)
			continue
		}
		below, err := s.add(path)
		if err != nil {
			return nil, err
		}
		there = append(there, below...)
	}
	return there, nil
}

// wait implements source.
func (s *inotify) wait(ctx context.Context, until time.Time) ([]string, error) {
	stop := context.AfterFunc(ctx, func() { _ = s.file.SetReadDeadline(time.Unix(0, 1)) })
	defer stop()
	var buffer [16 << 10]byte
	for {
		if err := s.file.SetReadDeadline(until); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err // it may have ended before the deadline was set
		}
		n, err := s.file.Read(buffer[:])
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, err
		}
		if changed, err := s.take(buffer[:n]); err != nil || len(changed) > 0 {
			return changed, err
		}
	}
}

// take reads events: struct inotify_event, each with a name that zero bytes follow.
func (s *inotify) take(events []byte) (changed []string, err error) {
	for len(events) >= unix.SizeofInotifyEvent {
		watch := int32(binary.NativeEndian.Uint32(events))
		mask := binary.NativeEndian.Uint32(events[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
		name, _, _ := bytes.Cut(events[unix.SizeofInotifyEvent:end], []byte{0})
		events = events[end:]
		more, err := s.event(watch, mask, string(name))
		if err != nil {
			return nil, err
		}
		changed = append(changed, more...)
	}
	return changed, nil
}

// event returns what one event says has changed.
func (s *inotify) event(watch int32, mask uint32, name string) ([]string, error) {
	dir, known := s.dirs[watch]
	switch {
	case mask&unix.IN_Q_OVERFLOW != 0:
		_, err := s.add(".") // directories may have come unseen
		return []string{"."}, err
	case !known:
		return nil, nil
	case mask&unix.IN_IGNORED != 0:
		delete(s.dirs, watch)
		return nil, nil
	case mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF) != 0 && dir == ".":
		return nil, errors.New("the directory is gone")
	case name == "":
		return nil, nil // the directory above tells of it too
	}
	path := filepath.Join(dir, name)
	if mask&unix.IN_ISDIR == 0 {
		return []string{path}, nil
	}
	if s.skip(filepath.Join(s.root, path)) {
		return nil, nil
	}
	if mask&(unix.IN_CREATE|unix.IN_MOVED_TO) == 0 {
		return []string{path}, nil
	}
	there, err := s.add(path)
	return append(there, path), err
}

func (s *inotify) close() error { return s.file.Close() }
