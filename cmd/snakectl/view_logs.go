package main

import (
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// logPrinter writes lines of logs as they come.
type logPrinter struct {
	out io.Writer
	say func(format string, args ...any)
	// json: each line is an object, whatever it is.
	json bool
	// names: lines are of several places and begin with its address.
	names bool

	printed bool
	// place is the place of the last line, open the worker whose line goes on.
	place, open string
}

func (p *logPrinter) print(l client.LogLine) error {
	if p.json {
		p.printed = true
		return json.NewEncoder(p.out).Encode(l)
	}
	place, _, _ := strings.Cut(l.Worker, "@")
	switch l.Note {
	case pool.LogBegan:
		p.say("%s: goes on with %s", place, l.Worker)
		return nil
	case pool.LogEnded:
		p.say("%s: %s", l.Worker, l.Line)
		return nil
	}
	p.names = p.names || (p.place != "" && p.place != place) // the pool has grown
	p.place, p.printed = place, true
	text := l.Raw
	if text == nil {
		text = []byte(l.Line)
	}
	var b []byte
	if p.open != l.Worker {
		if p.open != "" {
			b = append(b, '\n')
		}
		if p.names {
			b = append(b, "["+place+"] "...)
		}
	}
	b, p.open = append(b, text...), l.Worker
	if !l.Cut {
		b, p.open = append(b, '\n'), ""
	}
	_, err := p.out.Write(b)
	return err
}

// end ends a line that nothing more comes of.
func (p *logPrinter) end() error {
	if p.open == "" {
		return nil
	}
	p.open = ""
	_, err := io.WriteString(p.out, "\n")
	return err
}

// placesOf counts the places that have logs.
func placesOf(list []client.LogInfo) int {
	places := map[string]bool{}
	for _, l := range list {
		place, _, _ := strings.Cut(l.Worker, "@")
		places[place] = true
	}
	return len(places)
}

// renderLogList returns the logs as a table.
func renderLogList(list []client.LogInfo, now time.Time) string {
	rows := [][]string{{"WORKER", "SIZE", "STARTED", "LAST LINE", "ENDED"}}
	for i := range list {
		l := &list[i]
		written := "-"
		if l.WrittenAt != nil {
			written = age(*l.WrittenAt, now) + " ago"
		}
		rows = append(rows, cells(l.Worker, pool.Size(l.Bytes).Short(), age(l.StartedAt, now)+" ago", written, logEnd(l, now)))
	}
	return table(rows)
}

func logEnd(l *client.LogInfo, now time.Time) string {
	switch {
	case l.Running:
		return "running"
	case l.EndedAt == nil:
		return "nobody saw how"
	default:
		return age(*l.EndedAt, now) + " ago: " + l.End
	}
}
