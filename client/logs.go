package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// LogOptions select what Logs writes.
type LogOptions struct {
	// Worker is a reference to a pool or to one worker; empty means all pools.
	Worker string
	// Lines is how many of the last lines of each place come first; 0 leaves it to the
	// supervisor, a negative number means all there are.
	Lines int
	// Since leaves out lines that are older than that, if it is positive. Those that
	// carry no time stay when they may be younger.
	Since time.Duration
	// FromNow leaves out everything that is there already.
	FromNow bool
	// Follow goes on with new lines until ctx ends.
	Follow bool
}

func (o LogOptions) query() url.Values {
	query := url.Values{}
	if o.Worker != "" {
		query.Set("worker", o.Worker)
	}
	switch {
	case o.FromNow:
		query.Set("lines", "0")
	case o.Lines < 0:
		query.Set("lines", "all")
	case o.Lines > 0:
		query.Set("lines", strconv.Itoa(o.Lines))
	}
	if o.Since > 0 {
		query.Set("since", o.Since.String())
	}
	if o.Follow {
		query.Set("follow", "1")
	}
	return query
}

// LogLines gives each line that workers wrote to each, pieces of long ones and notes
// about the workers among them. It returns nil when ctx ends one that follows; the
// error of each ends it.
func (c *Client) LogLines(ctx context.Context, opts LogOptions, each func(LogLine) error) error {
	query := opts.query()
	query.Set("format", "json")
	err := eachLine(ctx, c, "/v1/logs", query, "logs", each)
	if opts.Follow && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// LogList tells which logs of a pool, a place or an incarnation there are, those of
// workers that are gone included.
func (c *Client) LogList(ctx context.Context, worker string) ([]LogInfo, error) {
	var list []LogInfo
	err := c.ask(ctx, http.MethodGet, "/v1/logs/list", url.Values{"worker": {worker}}, nil, &list)
	return list, err
}

// Logs writes to w what workers wrote to their output. It returns nil when ctx
// ends a Logs that follows.
func (c *Client) Logs(ctx context.Context, opts LogOptions, w io.Writer) error {
	resp, err := c.open(ctx, http.MethodGet, "/v1/logs", opts.query(), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil && (!opts.Follow || ctx.Err() == nil) {
		return fmt.Errorf("cannot read the logs: %w", err)
	}
	return nil
}

// Stacks returns what the threads of one worker, or of every worker of a pool, are
// doing at this moment, whatever that is. It takes the right admin: workers are
// signalled for it.
func (c *Client) Stacks(ctx context.Context, worker string) ([]Stacks, error) {
	var all []Stacks
	err := c.ask(ctx, http.MethodPost, "/v1/stacks", url.Values{"worker": {worker}}, nil, &all)
	return all, err
}
