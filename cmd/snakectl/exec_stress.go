package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/snakectl/snakectl/client"
)

const (
	// serialCalls tell what the result of a command is.
	serialCalls = 3
	// stressCallers run the calls of --stress unless --concurrency says otherwise.
	stressCallers = 16
)

// stressReport is what exec --stress prints.
type stressReport struct {
	Calls       int `json:"calls"`
	Concurrency int `json:"concurrency"`
	// Same counts the concurrent calls whose result is that of the serial ones, Different
	// the others that have one, and Failed those that have none.
	Same      int `json:"same"`
	Different int `json:"different"`
	Failed    int `json:"failed"`
	// Want is the result of the serial calls, Got the first that is another.
	Want json.RawMessage `json:"want"`
	Got  json.RawMessage `json:"got,omitempty"`

	first error
}

// runStress makes some calls one after the other, then opts.stress calls at one time, and
// compares: a command that only works alone has other results among others. It is an
// error when any is not the same.
func (a *App) runStress(ctx context.Context, c *client.Client, t execTarget, args json.RawMessage, opts execOptions) error {
	options := opts.callOptions()
	call := func() ([]byte, error) {
		result, err := c.Exec(ctx, t.Pool, t.Command, anyArgs(args), options...)
		if err != nil {
			return nil, err
		}
		return result.Body, nil
	}
	report := stressReport{Calls: opts.stress, Concurrency: opts.stressCallers()}
	for range serialCalls {
		got, err := call()
		if err != nil {
			return a.execFailed(err, opts.json)
		}
		if report.Want != nil && !bytes.Equal(report.Want, got) {
			return fmt.Errorf("cannot compare: %s has another result each time that it is called alone, %s and then %s; stress one whose result its arguments decide",
				t.Command, short(report.Want), short(got))
		}
		report.Want = got
	}
	report.run(ctx, call)
	if err := ctx.Err(); err != nil {
		return err
	}
	if opts.json {
		if err := writeJSON(a.Stdout, report, a.StdoutTTY); err != nil {
			return err
		}
	} else {
		fmt.Fprint(a.Stdout, renderStress(report))
	}
	switch {
	case report.first != nil:
		return a.execFirstFailed(report.first)
	case report.Different > 0:
		return errors.New("the command is not safe to run beside itself: share less, lock, or use @command(serial=True); check = true in the pool names what threads share")
	}
	return nil
}

func (o execOptions) stressCallers() int {
	if o.concurrency > 1 {
		return min(o.concurrency, o.stress)
	}
	return min(stressCallers, o.stress)
}

// run makes the concurrent calls and counts.
func (r *stressReport) run(ctx context.Context, call func() ([]byte, error)) {
	var group sync.WaitGroup
	var left atomic.Int64
	var mu sync.Mutex // guards the counts of r
	left.Store(int64(r.Calls))
	for range r.Concurrency {
		group.Go(func() {
			for left.Add(-1) >= 0 && ctx.Err() == nil {
				got, err := call()
				mu.Lock()
				r.count(got, err)
				mu.Unlock()
			}
		})
	}
	group.Wait()
}

func (r *stressReport) count(got []byte, err error) {
	switch {
	case err != nil:
		r.Failed++
		if r.first == nil {
			r.first = err
		}
	case bytes.Equal(got, r.Want):
		r.Same++
	default:
		r.Different++
		if r.Got == nil {
			r.Got = got
		}
	}
}

func renderStress(r stressReport) string {
	text := fmt.Sprintf("%d calls, %d at one time: %d with the result of the call alone, %d with another, %d failed\n",
		r.Calls, r.Concurrency, r.Same, r.Different, r.Failed)
	if r.Got != nil {
		text += fmt.Sprintf("alone %s, among others %s\n", short(r.Want), short(r.Got))
	}
	return text
}

// short returns the beginning of a JSON value.
func short(value []byte) string {
	const most = 120
	if len(value) <= most {
		return printable(string(value))
	}
	return printable(string(value[:most])) + "…"
}
