package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

const (
	// maxKept is how many incarnations a place keeps the logs of, however short.
	maxKept = 20
	// unwantedFor is for how long the logs of a place are kept that is no place any
	// more.
	unwantedFor = 7 * 24 * time.Hour
)

// SegmentSize returns how long a file may become in a place that keeps that many
// bytes: what is lost at a time is a part of it.
func SegmentSize(keep int64) int64 { return max(keep/4, 4<<10) }

// SetAside begins a new segment of id's log where the present one has at least
// limit bytes. The file is renamed, so that nothing is lost: its writer goes on in
// it until it opens the path again, which reopen asks it to; that reports whether
// there was anybody to ask. A writer that does not open it has its file copied and
// emptied in place, at twice the limit; what it writes between the two is lost.
//
// It reports whether there is a new segment.
func (d Dir) SetAside(id ID, limit int64, reopen func(path string) bool) (bool, error) {
	path := d.File(id)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d.chase(id, limit, reopen)
	}
	if err != nil || info.Size() < limit {
		return false, err
	}
	number, err := d.nextNumber(id)
	if err != nil {
		return false, err
	}
	aside := d.numbered(id, number)
	if err := os.Rename(path, aside); err != nil {
		return false, fmt.Errorf("cannot set a log aside: %w", err)
	}
	if reopen(path) {
		return true, nil
	}
	if back, err := giveBack(aside, path); err != nil || !back {
		return false, err
	}
	if info.Size() < 2*limit {
		return false, os.Remove(aside)
	}
	return true, empty(path, aside)
}

// chase sees to a writer that was asked to open its log again and has not done it.
func (d Dir) chase(id ID, limit int64, reopen func(path string) bool) (bool, error) {
	number, err := d.nextNumber(id)
	if err != nil || number == 1 {
		return false, err
	}
	path, aside := d.File(id), d.numbered(id, number-1)
	info, err := os.Stat(aside)
	if err != nil {
		return false, err
	}
	if info.Size() < 2*limit {
		reopen(path) // it may have been away
		return false, nil
	}
	if back, err := giveBack(aside, path); err != nil || !back {
		return false, err
	}
	return true, empty(path, aside)
}

// giveBack gives a file that was set aside its former name too, and reports false
// when its writer has made another one by now.
func giveBack(aside, path string) (bool, error) {
	err := os.Link(aside, path)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// empty copies a log to another path and empties it in place.
func empty(path, copied string) error {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	if err := copyTo(from, copied); err != nil {
		return err
	}
	return os.Truncate(path, 0)
}

// copyTo makes a file of what from holds, in the place of the one that may be there.
func copyTo(from io.Reader, path string) error {
	partial := path + ".new"
	to, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("cannot set a log aside: %w", err)
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err == nil {
		err = os.Rename(partial, path)
	}
	if err != nil {
		_ = os.Remove(partial) // a full disk: what there is stays where it is
		return fmt.Errorf("cannot set a log aside: %w", err)
	}
	return nil
}

func (d Dir) numbered(id ID, number int) string {
	return d.base(id) + "." + strconv.Itoa(number) + logSuffix
}

func (d Dir) nextNumber(id ID) (int, error) {
	all, err := d.List(id.Pool, id.Place)
	if err != nil {
		return 0, err
	}
	last := 0
	for _, l := range all {
		for _, s := range l.Segments {
			if l.base == d.base(id) && s.number != currentNumber {
				last = s.number
			}
		}
	}
	return last + 1, nil
}

// Prune removes the oldest files of a place until it has at most keep bytes and the
// logs of 20 incarnations. The file that a living worker writes to stays, and of one
// that alone is too long the end.
func (d Dir) Prune(addr string, place int, keep int64, alive func(incarnation string) bool) error {
	all, err := d.List(addr, place)
	if err != nil {
		return err
	}
	slices.Reverse(all)
	var errs []error
	left := keep
	for i, l := range all {
		running, kept := alive(l.Incarnation), 0
		slices.Reverse(l.Segments)
		for k, s := range l.Segments {
			room := left
			left -= s.Info.Size()
			switch {
			case (left >= 0 && i < maxKept) || (running && k == 0):
				kept++
			case room > keep/2 && i < maxKept:
				kept++
				errs = append(errs, shorten(s, room))
			default:
				errs = append(errs, discard(s.Path))
			}
		}
		if !running && kept == 0 {
			errs = append(errs, remove(l.base+stacksSuffix), remove(l.base+endSuffix))
		}
	}
	return errors.Join(errs...)
}

// shorten leaves the last lines of a segment, at most size bytes.
func shorten(s Segment, size int64) error {
	from, err := os.Open(s.Path)
	if err != nil {
		return unlessAbsent(err)
	}
	defer from.Close()
	begin := s.Info.Size() - size
	head := make([]byte, min(size, maxPiece))
	n, err := from.ReadAt(head, begin)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	begin += int64(bytes.IndexByte(head[:n], '\n') + 1)
	return copyTo(io.NewSectionReader(from, begin, s.Info.Size()-begin), s.Path)
}

// discard removes a segment. It is emptied first: a process that still has it open
// would keep its bytes on the disk.
func discard(path string) error {
	if err := os.Truncate(path, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot empty a log: %w", err)
	}
	return remove(path)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove a log: %w", err)
	}
	return nil
}

// Expire removes the logs of places that wanted does not know of and that nobody
// has written to for a week.
func (d Dir) Expire(now time.Time, wanted func(addr string, place int) bool) error {
	pools, err := os.ReadDir(string(d))
	if err != nil {
		return unlessAbsent(err)
	}
	var errs []error
	for _, p := range pools {
		addr, ok := address(p)
		if !ok {
			continue
		}
		places, err := d.Places(addr)
		errs = append(errs, err)
		if err == nil && len(places) == 0 {
			errs = append(errs, discard(d.ForkServer(addr))) // it was theirs
		}
		for _, place := range places {
			if !wanted(addr, place) {
				errs = append(errs, d.expire(now, addr, place))
			}
		}
		_ = os.Remove(filepath.Join(string(d), p.Name())) // refused while there is something in it
	}
	return errors.Join(errs...)
}

func (d Dir) expire(now time.Time, addr string, place int) error {
	all, err := d.List(addr, place)
	if err != nil {
		return err
	}
	for _, l := range all {
		for _, s := range l.Segments {
			if now.Sub(s.Info.ModTime()) < unwantedFor {
				return nil
			}
		}
	}
	return os.RemoveAll(d.place(addr, place))
}

func unlessAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
