package logs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
)

// maxPiece bounds a Line: a longer line comes in pieces.
const maxPiece = 64 << 10

// Line is a line of a log, or a part of one.
type Line struct {
	// Worker is the address of the incarnation that wrote it.
	Worker string
	// Text is without the newline; it is valid until the function that it is given to
	// returns.
	Text []byte
	// Cut: the line goes on in the next Line of this worker.
	Cut bool
	// Note is set where the log itself has something to say about the worker:
	// pool.LogBegan or pool.LogEnded.
	Note string
}

// cursor is a position in one incarnation's log. Segments may be set aside and
// removed while it stands in them.
type cursor struct {
	log    Log
	worker string
	// file is the segment that is read, nil before the first; offset is what was read
	// of it.
	file   fs.FileInfo
	offset int64
	// overtaken: a newer segment was there when file was last read to its end.
	overtaken bool
	buf       []byte
}

// errStale says that files were set aside or removed since they were listed.
var errStale = errors.New("the list of logs is old")

// read gives each whole line that was written since the last time to emit, with
// last the rest too that has no newline yet. The log is the newest list's; the error
// is errStale where another list is needed.
func (c *cursor) read(l Log, last bool, emit func(Line) error) error {
	c.log = l
	for {
		i := c.index()
		if i < 0 {
			return nil
		}
		newest := i == len(l.Segments)-1
		if err := c.drain(l.Segments[i], last || !newest && c.overtaken, emit); err != nil {
			return err
		}
		if newest {
			c.overtaken = false
			return nil
		}
		if !last && !c.overtaken {
			// Its writer may just be about to turn to the new one: look once more.
			c.overtaken = true
			return nil
		}
		c.file, c.offset, c.overtaken = l.Segments[i+1].Info, 0, false
	}
}

// index returns the segment to read, -1 for none. One that was removed is followed
// by the oldest that is left.
func (c *cursor) index() int {
	if c.file != nil {
		for i, s := range c.log.Segments {
			if os.SameFile(s.Info, c.file) {
				return i
			}
		}
	}
	if len(c.log.Segments) == 0 {
		return -1
	}
	c.file, c.offset = c.log.Segments[0].Info, 0
	return 0
}

// drain reads one segment from the offset to its end. rest says that what stands
// behind the last newline is to be given out too: nothing more follows in this file.
func (c *cursor) drain(s Segment, rest bool, emit func(Line) error) error {
	f, err := os.Open(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return errStale
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(info, c.file) {
		return errStale
	}
	if info.Size() < c.offset {
		c.offset = 0 // emptied in place
	}
	if c.buf == nil {
		c.buf = make([]byte, maxPiece)
	}
	for {
		n, err := f.ReadAt(c.buf, c.offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		used, emitErr := c.emit(c.buf[:n], rest && n < len(c.buf), emit)
		c.offset += int64(used)
		if emitErr != nil || used == 0 {
			return emitErr
		}
	}
}

// emit gives out the lines in b and returns how much of it they were.
func (c *cursor) emit(b []byte, rest bool, emit func(Line) error) (int, error) {
	used := 0
	for used < len(b) {
		text, _, whole := bytes.Cut(b[used:], []byte("\n"))
		cut := !whole
		if cut && !rest && (used > 0 || len(b) < maxPiece) {
			break // the newline is still to come, or to be read
		}
		if err := emit(Line{Worker: c.worker, Text: text, Cut: cut}); err != nil {
			return used, err
		}
		used += len(text)
		if whole {
			used++
		}
	}
	return used, nil
}

// skip puts the cursor behind everything there is.
func (c *cursor) skip(l Log) {
	if n := len(l.Segments); n > 0 {
		c.file, c.offset = l.Segments[n-1].Info, l.Segments[n-1].Info.Size()
	}
}

// back puts the cursor before the last n lines and returns how many of them there
// are.
func (c *cursor) back(l Log, n int) (int, error) {
	found := 0
	end := true // nothing was seen behind this place
	for _, s := range slices.Backward(l.Segments) {
		at := s.Info.Size()
		c.file, c.offset = s.Info, 0
		for at > 0 {
			from := max(0, at-maxPiece)
			b, err := readRange(s.Path, from, at)
			if err != nil {
				return found, err
			}
			if end && len(b) > 0 {
				end = false
				if b[len(b)-1] != '\n' {
					found++
				}
			}
			for i, letter := range slices.Backward(b) {
				if letter != '\n' {
					continue
				}
				if found == n {
					c.offset = from + int64(i) + 1
					return n, nil
				}
				found++
			}
			at = from
		}
	}
	return found, nil
}

func readRange(path string, from, to int64) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, to-from)
	n, err := f.ReadAt(b, from)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}
