package logs

import (
	"errors"
	"os"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// maxLists bounds how often a log is listed again because it changes while it is
// read.
const maxLists = 10

// Selection is what somebody wants to read: the logs of a pool, of one place of it,
// or of one incarnation in that place.
type Selection struct {
	Dir  Dir
	Pool string
	// Place is -1 for all places.
	Place int
	// Incarnation is empty for all of them.
	Incarnation string
}

// Options say where reading begins.
type Options struct {
	// Lines is how many of the last lines of each place are read, all when negative.
	Lines int
	// Since leaves out what is older, the zero time nothing. Of lines without a time
	// of their own those are read that may be younger.
	Since time.Time
	// Follow says that More will be called: a line whose end was not written yet is
	// left to it.
	Follow bool
}

// Reader reads a selection while it grows. It belongs to one goroutine.
type Reader struct {
	selection Selection
	places    map[int]*placeReader
	changed   stampedDir
}

// placeReader reads the incarnations of one place.
type placeReader struct {
	addr    string
	logs    []Log
	cursors map[string]*cursor // by incarnation
	ended   map[string]bool
	changed stampedDir
}

// stampedDir remembers when a directory was last listed.
type stampedDir struct {
	path string
	at   time.Time
}

// news reports whether the directory has other entries than the last time, as far
// as the clock of the file system tells: one that changed a moment ago counts too.
func (s *stampedDir) news(now time.Time) bool {
	info, err := os.Stat(s.path)
	if err != nil {
		return !os.IsNotExist(err)
	}
	fresh := !info.ModTime().Equal(s.at) || now.Sub(info.ModTime()) < time.Second
	s.at = info.ModTime()
	return fresh
}

// Open returns a reader of the selection; Begin is to be called next.
func (s Selection) Open() *Reader {
	return &Reader{selection: s, places: map[int]*placeReader{}, changed: stampedDir{path: s.Dir.pool(s.Pool)}}
}

// Begin gives emit what there is, from where the options say, and reports how many
// places that was.
func (r *Reader) Begin(opts Options, emit func(Line) error) (places int, err error) {
	if err := r.look(time.Now()); err != nil {
		return 0, err
	}
	for _, n := range r.sorted() {
		if err := r.places[n].begin(r.selection, n, opts, emit); err != nil {
			return 0, err
		}
	}
	return len(r.places), nil
}

// More gives emit what was written since.
func (r *Reader) More(emit func(Line) error) error {
	now := time.Now()
	if err := r.look(now); err != nil {
		return err
	}
	for _, n := range r.sorted() {
		if err := r.places[n].more(r.selection, n, now, emit); err != nil {
			return err
		}
	}
	return nil
}

// Names reports whether lines are to be told apart by their worker: they may be of
// several places.
func (r *Reader) Names() bool { return r.selection.Place < 0 && len(r.places) > 1 }

// look finds the places.
func (r *Reader) look(now time.Time) error {
	if !r.changed.news(now) {
		return nil
	}
	numbers := []int{r.selection.Place}
	if r.selection.Place < 0 {
		var err error
		if numbers, err = r.selection.Dir.Places(r.selection.Pool); err != nil {
			return err
		}
	}
	for _, n := range numbers {
		if r.places[n] != nil {
			continue
		}
		p := &placeReader{
			addr: pool.WorkerAddress(r.selection.Pool, n), cursors: map[string]*cursor{}, ended: map[string]bool{},
			changed: stampedDir{path: r.selection.Dir.place(r.selection.Pool, n)},
		}
		if err := p.list(r.selection, n); err != nil {
			return err
		}
		r.places[n] = p
	}
	return nil
}

func (r *Reader) sorted() []int {
	out := make([]int, 0, len(r.places))
	for n := range r.places {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

func (p *placeReader) list(s Selection, place int) error {
	all, err := s.Dir.List(s.Pool, place)
	if err != nil {
		return err
	}
	p.logs = slices.DeleteFunc(all, func(l Log) bool { return s.Incarnation != "" && l.Incarnation != s.Incarnation })
	return nil
}

// begin reads the last lines of the place, of as many incarnations as it takes.
func (p *placeReader) begin(s Selection, place int, opts Options, emit func(Line) error) error {
	for _, l := range p.logs {
		p.cursors[l.Incarnation] = &cursor{worker: pool.Incarnate(p.addr, l.Incarnation)}
	}
	if !opts.Since.IsZero() {
		return p.since(s, place, opts, emit)
	}
	left := opts.Lines
	for _, l := range slices.Backward(p.logs) {
		c := p.cursors[l.Incarnation]
		if left < 0 {
			continue // all: from the start
		}
		if left == 0 {
			c.skip(l)
			continue
		}
		found, err := c.back(l, left) // of a file that is gone meanwhile: nothing
		if err != nil {
			return err
		}
		left -= found
	}
	for i := range p.logs {
		if err := p.finish(s, place, i, opts, emit); err != nil {
			return err
		}
	}
	return nil
}

// finish reads one of the logs to its end, of which files may be set aside meanwhile.
func (p *placeReader) finish(s Selection, place, i int, opts Options, emit func(Line) error) error {
	l := p.logs[i]
	c := p.cursors[l.Incarnation]
	for range maxLists {
		err := c.read(l, l.End != nil || !opts.Follow, emit)
		if !errors.Is(err, errStale) {
			p.ended[l.Incarnation] = err == nil && l.End != nil
			return err
		}
		all, err := s.Dir.List(s.Pool, place)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(other Log) bool { return other.base == l.base })
		if at < 0 {
			return nil // removed as a whole
		}
		l = all[at]
	}
	return nil
}

// more reads what was added, to logs that were there and to new ones.
func (p *placeReader) more(s Selection, place int, now time.Time, emit func(Line) error) error {
	if p.changed.news(now) {
		if err := p.list(s, place); err != nil {
			return err
		}
	}
	for _, l := range p.logs {
		if p.ended[l.Incarnation] {
			continue
		}
		c := p.cursors[l.Incarnation]
		if c == nil {
			c = &cursor{worker: pool.Incarnate(p.addr, l.Incarnation)}
			p.cursors[l.Incarnation] = c
			if err := emit(Line{Worker: c.worker, Note: pool.LogBegan}); err != nil {
				return err
			}
		}
		err := c.read(l, l.End != nil, emit)
		if errors.Is(err, errStale) {
			p.changed.at = time.Time{} // the next time there is another list
			continue
		}
		if err != nil {
			return err
		}
		if l.End != nil {
			p.ended[l.Incarnation] = true
			c.buf = nil
			if err := emit(Line{Worker: c.worker, Note: pool.LogEnded, Text: []byte(l.End.How)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Find returns the selection with the incarnation that a prefix means, and how many
// it could mean.
func (s Selection) Find(prefix string) (Selection, int, error) {
	all, err := s.Dir.List(s.Pool, s.Place)
	if err != nil {
		return s, 0, err
	}
	found := 0
	for _, l := range all {
		if len(prefix) > 0 && len(l.Incarnation) >= len(prefix) && l.Incarnation[:len(prefix)] == prefix {
			found++
			s.Incarnation = l.Incarnation
			if l.Incarnation == prefix {
				return s, 1, nil
			}
		}
	}
	return s, found, nil
}
