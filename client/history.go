package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// History returns the kept revisions without their configurations, newest first, at most
// limit of them; all when limit is 0.
func (c *Client) History(ctx context.Context, limit int) ([]RevisionHead, error) {
	var heads []RevisionHead
	err := c.ask(ctx, http.MethodGet, "/v1/revisions", url.Values{"limit": {strconv.Itoa(limit)}}, nil, &heads)
	return heads, err
}

// Revision returns one kept revision with its configuration.
func (c *Client) Revision(ctx context.Context, number uint64) (*Revision, error) {
	rev := &Revision{}
	if err := c.ask(ctx, http.MethodGet, "/v1/revisions/"+strconv.FormatUint(number, 10), nil, nil, rev); err != nil {
		return nil, err
	}
	return rev, nil
}
