package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/snakectl/snakectl/internal/pool"
)

// Rollout is where the rollout of a pool is.
type Rollout struct {
	Address string `json:"address"`
	pool.Rollout
}

// Rollout returns where the rollout of a pool is.
func (c *Client) Rollout(ctx context.Context, poolName string) (*Rollout, error) {
	now := &Rollout{}
	if err := c.ask(ctx, http.MethodGet, poolPath(poolName, "/rollout"), nil, nil, now); err != nil {
		return nil, err
	}
	return now, nil
}

// SteerRollout has the rollout of a pool paused, resumed, aborted or promoted: order is
// pause, resume, abort or promote. It returns where the rollout is then. by says who wants
// it: user@host.
func (c *Client) SteerRollout(ctx context.Context, poolName, order, by string) (*Rollout, error) {
	now := &Rollout{}
	in := map[string]string{"by": by}
	if err := c.ask(ctx, http.MethodPost, poolPath(poolName, "/rollout/"+url.PathEscape(order)), nil, in, now); err != nil {
		return nil, err
	}
	return now, nil
}
