package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/logs"
	"github.com/snakectl/snakectl/internal/pool"
)

const (
	maxLogLines = 10_000
	followEvery = 100 * time.Millisecond
)

// logs writes what workers wrote: the last lines of the logs that worker= names
// and, with follow=1, whatever is written from then on, until the client leaves.
func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	opts, err := logOptions(query)
	if err != nil {
		fail(w, err)
		return
	}
	selection, failure := s.backend.Logs(query.Get("worker"))
	if failure != nil {
		fail(w, failure)
		return
	}
	reader := selection.Open()
	var emit func(logs.Line) error
	end := func() {}
	switch format := query.Get("format"); format {
	case "", "text":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		text := &logText{w: w, reader: reader}
		emit, end = text.write, text.end
	case "json":
		w.Header().Set("Content-Type", "application/x-ndjson")
		emit = jsonLines(w)
	default:
		fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "format must be text or json, not %q", format))
		return
	}
	if _, err := reader.Begin(opts, emit); err != nil {
		s.log.Debug("cannot go on with logs", "err", err)
		return
	}
	if opts.Follow {
		s.followLogs(r, w, reader, emit)
	}
	end()
}

func logOptions(query url.Values) (logs.Options, error) {
	opts := logs.Options{Lines: 100, Follow: query.Get("follow") == "1"}
	if text := query.Get("since"); text != "" {
		d, err := pool.ParseDuration(text)
		if err != nil {
			return opts, pool.NewCallError(pool.CategoryInvalidArgument, "since: %s", err.Error())
		}
		opts.Since, opts.Lines = time.Now().Add(-d.D()), -1
	}
	switch text := query.Get("lines"); text {
	case "":
	case "all":
		opts.Lines = -1
	default:
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxLogLines {
			return opts, pool.NewCallError(pool.CategoryInvalidArgument, "lines must be all or a number up to %d, not %q", maxLogLines, text)
		}
		opts.Lines = n
	}
	return opts, nil
}

// followLogs looks at the files in turn, as long as the peer may; polling works on
// every file system.
func (s *Server) followLogs(r *http.Request, w http.ResponseWriter, reader *logs.Reader, emit func(logs.Line) error) {
	ctx, end := s.untilHeld(r.Context())
	defer end()
	flush := http.NewResponseController(w)
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		if flush.Flush() != nil || !s.allows(r, access.Read) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := reader.More(emit); err != nil {
			s.log.Debug("cannot go on with logs", "err", err)
			return
		}
	}
}

// logText writes lines as text, those of several places behind their addresses.
type logText struct {
	w      http.ResponseWriter
	reader *logs.Reader
	// open is the worker whose line is cut and goes on, if any.
	open string
}

func (t *logText) write(l logs.Line) error {
	if l.Note != "" {
		return nil
	}
	var b []byte
	if t.open != l.Worker {
		if t.open != "" {
			b = append(b, '\n')
		}
		if t.reader.Names() {
			place, _, _ := strings.Cut(l.Worker, "@")
			b = append(append(append(b, '['), place...), "] "...)
		}
	}
	b = append(b, l.Text...)
	t.open = l.Worker
	if !l.Cut {
		b = append(b, '\n')
		t.open = ""
	}
	_, err := t.w.Write(b)
	return err
}

// end ends a line that no more comes of.
func (t *logText) end() {
	if t.open != "" {
		_, _ = t.w.Write([]byte("\n")) // the client is gone: nobody is left to be told
	}
}

// jsonLines returns a function that writes lines as JSON objects.
func jsonLines(w http.ResponseWriter) func(logs.Line) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return func(l logs.Line) error {
		line := pool.LogLine{Worker: l.Worker, Line: string(l.Text), Cut: l.Cut, Note: l.Note}
		if !utf8.Valid(l.Text) {
			line.Line, line.Raw = strings.ToValidUTF8(line.Line, "�"), l.Text
		}
		return encoder.Encode(line)
	}
}

// logList tells which logs there are.
func (s *Server) logList(w http.ResponseWriter, r *http.Request) {
	list, err := s.backend.LogList(r.URL.Query().Get("worker"))
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, list)
}

// stacks tells what the threads of workers are doing. It takes more than looking
// does: it signals a process.
func (s *Server) stacks(w http.ResponseWriter, r *http.Request) {
	all, err := s.backend.Stacks(r.Context(), r.URL.Query().Get("worker"))
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, all)
}
