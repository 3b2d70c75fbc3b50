package logs

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Dir is the directory of an instance's logs.
type Dir string

// ID names the log of one incarnation.
type ID struct {
	// Pool is the address of the pool.
	Pool        string
	Place       int
	Incarnation string
	Started     time.Time
}

const (
	logSuffix    = ".log"
	stacksSuffix = ".stacks"
	endSuffix    = ".end"
	// stamp is how the start stands in the name: its letters sort as times do.
	stamp = "20060102T150405.000000Z"
)

// End is how a worker ended, as its log remembers it.
type End struct {
	At time.Time `json:"at"`
	// How says it in words: "exited with status 3".
	How string `json:"how"`
}

// Log is what is kept of one incarnation.
type Log struct {
	ID
	// Segments are the files of the log, the oldest first.
	Segments []Segment
	// End is nil while the worker lives, or where nobody saw it end.
	End *End
	// base is the path without suffix.
	base string
}

// Segment is one file of a log.
type Segment struct {
	Path string
	Info fs.FileInfo
	// number counts from 1; the file that is written to has the highest there is.
	number int
}

// currentNumber is the number of the segment without one.
const currentNumber = int(^uint(0) >> 1)

// File returns the path that the worker of id writes to.
func (d Dir) File(id ID) string { return d.base(id) + logSuffix }

// Stacks returns the path that the worker of id writes its stacks to.
func (d Dir) Stacks(id ID) string { return d.base(id) + stacksSuffix }

// ForkServer returns the path that the fork servers of a pool write to, one after the
// other, while they import.
func (d Dir) ForkServer(addr string) string {
	return filepath.Join(d.pool(addr), "fork-server"+logSuffix)
}

func (d Dir) base(id ID) string {
	return filepath.Join(d.place(id.Pool, id.Place), id.Started.UTC().Format(stamp)+"@"+id.Incarnation)
}

// pool returns the directory of a pool: the address, escaped so that no key leaves
// the logs.
func (d Dir) pool(addr string) string { return filepath.Join(string(d), url.PathEscape(addr)) }

// address returns the pool whose directory an entry is.
func address(e fs.DirEntry) (string, bool) {
	addr, err := url.PathUnescape(e.Name())
	return addr, err == nil && e.IsDir() && strings.HasPrefix(addr, "pool.")
}

func (d Dir) place(addr string, place int) string {
	return filepath.Join(d.pool(addr), strconv.Itoa(place))
}

// Create makes the file that the worker of id writes to.
func (d Dir) Create(id ID) error {
	path := d.File(id)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot make the log of a worker: %w", err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("cannot make the log of a worker: %w", err)
	}
	return f.Close()
}

// Finish notes how the worker of id ended.
func (d Dir) Finish(id ID, end End) error {
	text, err := json.Marshal(end)
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.base(id)+endSuffix, text, 0o600); err != nil {
		return fmt.Errorf("cannot note the end of a worker in its log: %w", err)
	}
	return nil
}

// Append writes text to the log of id for the worker, behind what it wrote itself.
func (d Dir) Append(id ID, text string) error {
	f, err := os.OpenFile(d.File(id), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write to the log of a worker: %w", err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// Places returns the places of a pool that have logs.
func (d Dir) Places(addr string) ([]int, error) {
	entries, err := os.ReadDir(d.pool(addr))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list the logs of %s: %w", addr, err)
	}
	var out []int
	for _, e := range entries {
		if n, err := strconv.ParseUint(e.Name(), 10, 16); err == nil && e.IsDir() {
			out = append(out, int(n))
		}
	}
	slices.Sort(out)
	return out, nil
}

// List returns the logs of a place, the oldest first. Files that no worker of ours
// has are left out.
func (d Dir) List(addr string, place int) ([]Log, error) {
	dir := d.place(addr, place)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list the logs of %s/%d: %w", addr, place, err)
	}
	var out []Log
	for _, e := range entries { // sorted by name: those of one incarnation stand together
		name, number, suffix, ok := split(e.Name())
		if !ok {
			continue
		}
		if len(out) == 0 || filepath.Base(out[len(out)-1].base) != name {
			id, ok := parse(addr, place, name)
			if !ok {
				continue
			}
			out = append(out, Log{ID: id, base: filepath.Join(dir, name)})
		}
		l := &out[len(out)-1]
		switch suffix {
		case logSuffix:
			if info, err := e.Info(); err == nil { // it may be gone by now
				l.Segments = append(l.Segments, Segment{Path: filepath.Join(dir, e.Name()), Info: info, number: number})
			}
		case endSuffix:
			l.End = readEnd(filepath.Join(dir, e.Name()))
		}
	}
	for i := range out {
		slices.SortFunc(out[i].Segments, func(a, b Segment) int { return cmp.Compare(a.number, b.number) })
	}
	return out, nil
}

// split takes a file's name apart: STARTED@INCARNATION, the number of a segment
// that was set aside, and the suffix.
func split(file string) (name string, number int, suffix string, ok bool) {
	suffix = filepath.Ext(file)
	name = strings.TrimSuffix(file, suffix)
	switch suffix {
	case stacksSuffix, endSuffix:
		return name, 0, suffix, true
	case logSuffix:
	default:
		return "", 0, "", false
	}
	at := strings.LastIndexByte(name, '@')
	if incarnation, text, aside := strings.Cut(name[at+1:], "."); aside {
		n, err := strconv.Atoi(text)
		return name[:at+1] + incarnation, n, suffix, err == nil && n > 0
	}
	return name, currentNumber, suffix, true
}

func parse(addr string, place int, name string) (ID, bool) {
	text, incarnation, ok := strings.Cut(name, "@")
	started, err := time.Parse(stamp, text)
	return ID{Pool: addr, Place: place, Incarnation: incarnation, Started: started}, ok && err == nil && incarnation != ""
}

func readEnd(path string) *End {
	text, err := os.ReadFile(path)
	end := &End{}
	if err != nil || json.Unmarshal(text, end) != nil {
		return nil // it is being written, or was cut by a full disk
	}
	return end
}

// Bytes returns how long the log is.
func (l *Log) Bytes() int64 {
	var sum int64
	for _, s := range l.Segments {
		sum += s.Info.Size()
	}
	return sum
}
