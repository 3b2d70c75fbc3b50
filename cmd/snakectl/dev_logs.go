package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// devEvents are the events that a person wants to know of who has not asked.
var devEvents = []string{"worker.crashed", "worker.quarantined", "pool.fork_refused"}

// devLogs prints what workers write, and how they die. The goroutine of run owns it.
type devLogs struct {
	app    *App
	client *client.Client
	began  time.Time
	// wanted takes the addresses of pools whose workers are to be heard.
	wanted chan []string
}

func newDevLogs(a *App, c *client.Client) *devLogs {
	return &devLogs{app: a, client: c, began: time.Now(), wanted: make(chan []string)}
}

// follow has the workers of pools heard, from the beginning of the session.
func (l *devLogs) follow(ctx context.Context, pools []pool.Pool) {
	addresses := make([]string, len(pools))
	for i := range pools {
		addresses[i] = pools[i].Address()
	}
	select {
	case l.wanted <- addresses:
	case <-ctx.Done():
	}
}

// run returns when ctx ends, or with an error when the supervisor is gone.
func (l *devLogs) run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	gone, ended := make(chan error, 1), make(chan string) // one writer; the readers
	group.Go(func() { gone <- l.events(ctx) })
	heard := map[string]bool{}
	for {
		select {
		case addresses := <-l.wanted:
			for _, addr := range addresses {
				if heard[addr] {
					continue
				}
				heard[addr] = true
				group.Go(func() {
					l.read(ctx, addr)
					select {
					case ended <- addr:
					case <-ctx.Done():
					}
				})
			}
		case addr := <-ended:
			delete(heard, addr) // the pool is gone; it may come back
		case err := <-gone:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// read prints what the workers of a pool write, until the pool is gone. When the
// supervisor is replaced it begins again with what comes from then on.
func (l *devLogs) read(ctx context.Context, addr string) {
	opts := client.LogOptions{Worker: addr, Since: time.Since(l.began), Follow: true}
	for {
		err := l.client.LogLines(ctx, opts, l.print)
		answer, answered := errors.AsType[*client.Error](err)
		switch {
		case ctx.Err() != nil || answered && answer.Category == pool.CategoryUnknownPool:
			return
		case answered:
			l.app.say("%s: its logs cannot be read: %v", addr, err)
			return
		case l.lost(ctx) != nil:
			return
		}
		opts = client.LogOptions{Worker: addr, FromNow: true, Follow: true}
	}
}

// print writes one line behind the name of its worker.
func (l *devLogs) print(line client.LogLine) error {
	if line.Note != "" {
		return nil
	}
	text := line.Raw
	if text == nil {
		text = []byte(line.Line)
	}
	place, _, _ := strings.Cut(line.Worker, "@")
	_, err := fmt.Fprintf(l.app.Stdout, "%s %s\n", l.label(place), text)
	return err
}

// lost returns nil when the supervisor still answers: a later image may have taken over.
func (l *devLogs) lost(ctx context.Context) error {
	return settled(func() error { return l.client.Healthy(ctx) })
}

// label returns what stands before the lines of a worker.
func (l *devLogs) label(place string) string {
	label := strings.TrimPrefix(place, "pool.") + " |"
	if l.app.colored(l.app.StdoutTTY) {
		return "\x1b[" + cyan + "m" + label + "\x1b[0m"
	}
	return label
}

// events tells of deaths. It returns an error when the supervisor is gone.
func (l *devLogs) events(ctx context.Context) error {
	for {
		err := l.client.Events(ctx, client.EventOptions{Follow: true, Filter: devEvents}, l.take)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of the session is no error
		}
		if lost := l.lost(ctx); lost != nil {
			return errors.Join(errors.New("the supervisor is gone; its log says why: "+logPath(filepath.Dir(l.client.Socket()))), err)
		}
	}
}

func (l *devLogs) take(r client.EventRecord) error {
	switch ev := r.Data.(type) {
	case client.WorkerCrashed:
		if !ev.Trial { // the outcome of its round tells of it
			l.app.say("%s died: %s", ev.Worker, ev.Reason)
		}
	case client.WorkerQuarantined:
		l.app.say("%s is not replaced any more: %s", ev.Worker, ev.Reason)
	case client.PoolForkRefused:
		l.app.say("%s: workers are spawned, not forked: %s", ev.Pool, ev.Reason)
	}
	return nil
}
