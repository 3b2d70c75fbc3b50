package logs

import (
	"bytes"
	"slices"
	"time"
)

// since reads what may be younger than opts.Since.
func (p *placeReader) since(s Selection, place int, opts Options, emit func(Line) error) error {
	last := &lastLines{limit: opts.Lines}
	for i, l := range p.logs {
		c := p.cursors[l.Incarnation]
		recent := slices.ContainsFunc(l.Segments, func(s Segment) bool { return !s.Info.ModTime().Before(opts.Since) })
		if !recent {
			c.skip(l)
			p.ended[l.Incarnation] = l.End != nil
			continue
		}
		f := &sinceFilter{since: opts.Since, young: !l.Started.Before(opts.Since), emit: last.add}
		if first := skipOld(l, opts.Since); len(first.Segments) > 0 {
			c.file = first.Segments[0].Info
		}
		if err := p.finish(s, place, i, opts, f.take); err != nil {
			return err
		}
		f.flush()
	}
	return last.each(emit)
}

// skipOld leaves out the segments that were last written to before since.
func skipOld(l Log, since time.Time) Log {
	l.Segments = slices.DeleteFunc(slices.Clone(l.Segments), func(s Segment) bool { return s.Info.ModTime().Before(since) })
	return l
}

// sinceFilter passes on the lines that may be younger than a moment. Lines have no
// order but that in which they were written, so one without a time is as old as the
// last one before it that has one, or younger.
type sinceFilter struct {
	since time.Time
	// young: everything from here on is young enough.
	young bool
	// open are the lines of which that is not known yet.
	open []Line
	emit func(Line)
	// inside: the last piece was cut, so the next one begins no line.
	inside bool
}

func (f *sinceFilter) take(l Line) error {
	begins := !f.inside
	f.inside = l.Cut
	if f.young {
		f.emit(l)
		return nil
	}
	if at, ok := stampOf(l.Text); ok && begins {
		if at.Before(f.since) {
			f.open = nil // all of them are older than this one
			return nil
		}
		f.flush()
		f.young = true
		f.emit(l)
		return nil
	}
	l.Text = slices.Clone(l.Text)
	f.open = append(f.open, l)
	return nil
}

func (f *sinceFilter) flush() {
	for _, l := range f.open {
		f.emit(l)
	}
	f.open = nil
}

// lastLines keeps the last lines it is given, all where limit is negative.
type lastLines struct {
	limit int
	lines []Line
	// begun counts the lines among the pieces.
	begun int
	cut   bool
}

func (k *lastLines) add(l Line) {
	if !k.cut {
		k.begun++
	}
	k.cut = l.Cut
	l.Text = slices.Clone(l.Text)
	k.lines = append(k.lines, l)
	for k.limit >= 0 && k.begun > k.limit && len(k.lines) > 0 {
		whole := !k.lines[0].Cut
		k.lines = k.lines[1:]
		if whole {
			k.begun--
		}
	}
}

func (k *lastLines) each(emit func(Line) error) error {
	for _, l := range k.lines {
		if err := emit(l); err != nil {
			return err
		}
	}
	return nil
}

// stampOf returns the time at the beginning of a line that the SDK wrote.
func stampOf(line []byte) (time.Time, bool) {
	text, _, ok := bytes.Cut(line[:min(len(line), 40)], []byte(" "))
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, string(text))
	return at, err == nil
}
