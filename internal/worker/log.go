package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	// maxLog is the size at which a log is set aside before the next worker starts
	// writing, or by Rotate.
	maxLog = 10 << 20
	// maxTail bounds what is shown of a dead worker's last words.
	maxTail      = 4 << 10
	maxTailLines = 20
)

// openLog opens a place's log for appending, and tells where it ends now. Workers
// write to the file itself: a pipe would break when the supervisor ends, and they
// outlive it.
func openLog(path string) (*os.File, int64, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, 0, err
	}
	if err := Rotate(path); err != nil {
		return nil, 0, err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, 0, err
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, end, nil
}

// Rotate sets a log aside that has grown past 10 MiB: its contents move to
// PATH.1 and the file, which a worker may have open, is emptied in place. What is
// written between the two is lost.
func Rotate(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() < maxLog) {
		return nil
	}
	if err != nil {
		return err
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path+".1", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		return fmt.Errorf("cannot rotate %s: %w", path, err)
	}
	if err := to.Close(); err != nil {
		return err
	}
	return os.Truncate(path, 0)
}

// Tail returns the last lines that were written to a log after offset: at most 20
// lines and 4 KiB. It is best effort: an unreadable log has none.
func Tail(path string, offset int64) string {
	text, cut := readEnd(path, offset, maxTail)
	return lastLines(text, cut)
}

// readEnd returns at most the last most bytes that were written to a log after
// offset, and whether there were more.
func readEnd(path string, offset, most int64) (text []byte, cut bool) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, false
	}
	if offset > end {
		offset = 0 // it was rotated meanwhile
	}
	start := max(offset, end-most)
	b := make([]byte, end-start)
	n, err := f.ReadAt(b, start)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false
	}
	return b[:n], start > offset
}

// lastLines returns the last whole lines of text within the bounds of a tail. cut:
// its first line is the end of one.
func lastLines(text []byte, cut bool) string {
	text = bytes.TrimRight(text, "\n")
	if len(text) > maxTail {
		text, cut = text[len(text)-maxTail:], true
	}
	lines := bytes.Split(text, []byte("\n"))
	if cut && len(lines) > 1 {
		lines = lines[1:]
	}
	if len(lines) > maxTailLines {
		lines = lines[len(lines)-maxTailLines:]
	}
	return strings.ToValidUTF8(string(bytes.Join(lines, []byte("\n"))), "�")
}
