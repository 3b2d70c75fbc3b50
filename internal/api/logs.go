package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/pool"
)

const (
	maxLogLines  = 10_000
	followEvery  = 100 * time.Millisecond
	logReadAhead = 4 << 20 // how far back the last lines are looked for
)

// logs writes the last lines of the logs that worker= names and, with follow=1,
// whatever is written to them from then on, until the client leaves.
func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	lines := 100
	if text := query.Get("lines"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxLogLines {
			fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "lines must be a number up to %d, not %q", maxLogLines, text))
			return
		}
		lines = n
	}
	files, err := s.backend.Logs(query.Get("worker"))
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	tails := make([]*tail, len(files))
	for i, f := range files {
		tails[i] = &tail{path: f.Path}
		if len(files) > 1 {
			tails[i].prefix = "[" + f.Worker + "] "
		}
		if err := tails[i].last(w, lines); err != nil {
			return
		}
	}
	if query.Get("follow") == "1" {
		s.followLogs(r, w, tails)
	}
}

// followLogs looks at the files in turn, as long as the peer may; polling works on
// every file system.
func (s *Server) followLogs(r *http.Request, w http.ResponseWriter, tails []*tail) {
	flush := http.NewResponseController(w)
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		if flush.Flush() != nil || !s.allows(r, access.Read) {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
		for _, t := range tails {
			if t.more(w) != nil {
				return
			}
		}
	}
}

// tail is a place in a growing file.
type tail struct {
	path   string
	prefix string
	offset int64
}

// last writes the last n lines.
func (t *tail) last(w io.Writer, n int) error {
	b, end, err := t.read(-logReadAhead)
	if err != nil {
		return err
	}
	t.offset = end
	b = bytes.TrimSuffix(b, []byte("\n"))
	if len(b) == 0 || n == 0 {
		return nil
	}
	lines := bytes.Split(b, []byte("\n"))
	return t.write(w, lines[max(0, len(lines)-n):])
}

// more writes the whole lines that were added.
func (t *tail) more(w io.Writer) error {
	b, end, err := t.read(t.offset)
	if err != nil {
		return err
	}
	if end < t.offset { // rotated
		t.offset = 0
		return nil
	}
	whole := bytes.LastIndexByte(b, '\n') + 1
	t.offset += int64(whole)
	if whole == 0 {
		return nil
	}
	return t.write(w, bytes.Split(b[:whole-1], []byte("\n")))
}

func (t *tail) write(w io.Writer, lines [][]byte) error {
	for _, line := range lines {
		if _, err := io.WriteString(w, t.prefix); err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// read returns what the file holds from an offset on, a negative one counting from
// its end. A file that is not there yet is empty.
func (t *tail) read(from int64) (b []byte, end int64, err error) {
	f, err := os.Open(t.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	if end, err = f.Seek(0, io.SeekEnd); err != nil {
		return nil, 0, err
	}
	if from < 0 {
		from = max(0, end+from)
	}
	if from >= end {
		return nil, end, nil
	}
	b = make([]byte, min(end-from, logReadAhead))
	n, err := f.ReadAt(b, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, end, err
	}
	return b[:n], end, nil
}
