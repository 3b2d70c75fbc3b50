package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// Status returns the supervisor and the named pools, or all pools.
func (c *Client) Status(ctx context.Context, pools ...string) (*Status, error) {
	query := url.Values{}
	if len(pools) == 1 {
		query.Set("pool", pools[0])
	}
	status := &Status{}
	if err := c.ask(ctx, http.MethodGet, "/v1/status", query, nil, status); err != nil {
		return nil, err
	}
	if len(pools) < 2 {
		return status, nil
	}
	wanted := map[string]bool{}
	for _, name := range pools {
		address, err := pool.ParseAddress(name)
		if err != nil {
			return nil, refuse(pool.CategoryInvalidArgument, "%v", err)
		}
		known := func(p PoolStatus) bool { return p.Address == address }
		if !slices.ContainsFunc(status.Pools, known) {
			return nil, refuse(pool.CategoryUnknownPool, "there is no %s", address)
		}
		wanted[address] = true
	}
	status.Pools = slices.DeleteFunc(status.Pools, func(p PoolStatus) bool { return !wanted[p.Address] })
	return status, nil
}

// Stats returns one pool: its counters, queue and workers.
func (c *Client) Stats(ctx context.Context, poolName string) (*PoolStatus, error) {
	status, err := c.Status(ctx, poolName)
	if err != nil {
		return nil, err
	}
	if len(status.Pools) != 1 {
		return nil, refuse(pool.CategoryUnknownPool, "%q names %d pools, not one", poolName, len(status.Pools))
	}
	return &status.Pools[0], nil
}

// Workers returns the workers of one pool, ordered by place.
func (c *Client) Workers(ctx context.Context, poolName string) ([]WorkerStatus, error) {
	stats, err := c.Stats(ctx, poolName)
	if err != nil {
		return nil, err
	}
	return stats.Workers, nil
}

// Commands returns the commands that the adapter of a pool offers. An empty name
// means the default pool.
func (c *Client) Commands(ctx context.Context, poolName string) ([]CommandInfo, error) {
	var commands []CommandInfo
	err := c.ask(ctx, http.MethodGet, poolPath(poolName, "/commands"), nil, nil, &commands)
	return commands, err
}

// The states that Wait waits for.
const (
	// ForReady: every place of the pool has a ready worker.
	ForReady = "ready"
	// ForIdle: no call runs or waits.
	ForIdle = "idle"
	// ForGone: the pool and its workers no longer exist.
	ForGone = "gone"
)

// Wait waits until a pool is in a state: ForReady, ForIdle or ForGone. An empty
// name means all pools. After timeout it returns an *Error of category Deadline;
// a timeout that is not positive leaves it to the supervisor.
func (c *Client) Wait(ctx context.Context, poolName, state string, timeout time.Duration) error {
	query := url.Values{"for": {state}}
	if timeout > 0 {
		query.Set("timeout", timeout.String())
	}
	err := c.ask(ctx, http.MethodGet, poolPath(poolName, "/wait"), query, nil, nil)
	if refused, ok := errors.AsType[*Error](err); ok {
		return failed(refused)
	}
	return err
}

// waitRound is how long one request of WaitReady waits.
const waitRound = 30 * time.Second

// WaitReady waits until every place of the named pools, or of all pools, has a
// ready worker, or ctx ends.
func (c *Client) WaitReady(ctx context.Context, pools ...string) error {
	if len(pools) == 0 {
		pools = []string{""}
	}
	for _, name := range pools {
		for {
			err := c.Wait(ctx, name, ForReady, waitRound)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
		}
	}
	return nil
}

// Observed returns what a plan is compared with: the accepted configuration and
// the workers as they are now.
func (c *Client) Observed(ctx context.Context) (*Observed, error) {
	observed := &Observed{}
	if err := c.ask(ctx, http.MethodGet, "/v1/observed", nil, nil, observed); err != nil {
		return nil, err
	}
	return observed, nil
}

// Healthy returns nil when the supervisor answers.
func (c *Client) Healthy(ctx context.Context) error {
	return c.ask(ctx, http.MethodGet, "/healthz", nil, nil, nil)
}
