package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// PlanRequest is what to plan.
type PlanRequest struct {
	// Desired may be nil when Options.Destroy is set.
	Desired *Desired    `json:"desired"`
	Options PlanOptions `json:"options"`
}

// Plan returns what applying a configuration would change. It changes nothing.
func (c *Client) Plan(ctx context.Context, req PlanRequest) (*Plan, error) {
	plan := &Plan{}
	if err := c.ask(ctx, http.MethodPost, "/v1/plan", nil, req, plan); err != nil {
		return nil, err
	}
	return plan, nil
}

// PlanObserved is Plan, and returns also what the configuration was compared with, both
// of one moment.
func (c *Client) PlanObserved(ctx context.Context, req PlanRequest) (*Plan, *Observed, error) {
	in := struct {
		PlanRequest
		Observed bool `json:"observed"`
	}{req, true}
	var out struct {
		Plan     Plan     `json:"plan"`
		Observed Observed `json:"observed"`
	}
	if err := c.ask(ctx, http.MethodPost, "/v1/plan", nil, in, &out); err != nil {
		return nil, nil, err
	}
	return &out.Plan, &out.Observed, nil
}

// ApplyRequest is what to apply.
type ApplyRequest struct {
	// Desired may be nil when Options.Destroy is set.
	Desired *Desired    `json:"desired"`
	Options PlanOptions `json:"options"`
	// Approved is the plan that somebody agreed to; the apply does nothing beyond
	// it. Nil approves whatever the plan is.
	Approved *Plan `json:"approved"`
	// By says who applies: user@host.
	By      string `json:"by"`
	Message string `json:"message,omitempty"`
	// Git is where the configuration was read from, nil when it is in no repository.
	Git *Git `json:"git,omitempty"`
	// ExpectRevision, if not nil, is the revision that must be the accepted one: the
	// apply is refused as stale otherwise.
	ExpectRevision *uint64 `json:"expect_revision,omitempty"`
}

// Apply makes a configuration the accepted one and the workers follow it. Every
// event of the operation is given to each, if it is not nil; the first one,
// op_accepted, names the operation. An Outcome is not an error, whatever its
// result: look at it.
//
// The operation goes on when ctx ends or the connection breaks; StopOperation
// ends it.
func (c *Client) Apply(ctx context.Context, req ApplyRequest, each func(Event)) (*Outcome, error) {
	return c.operate(ctx, "/v1/apply", req, each)
}

// StopOperation asks an operation to stop at its next safe point.
func (c *Client) StopOperation(ctx context.Context, id string) error {
	return c.ask(ctx, http.MethodPost, "/v1/operations/"+url.PathEscape(id)+"/stop", nil, nil, nil)
}

// Scaled is a change of a pool's size.
type Scaled struct {
	Old  int `json:"old"`
	Size int `json:"size"`
}

// Scale sets the size of a pool until the next apply, and returns without waiting
// for the workers. by says who does it: user@host.
func (c *Client) Scale(ctx context.Context, poolName string, size int, by string) (Scaled, error) {
	return c.ScaleFor(ctx, poolName, size, by, 0)
}

// ScaleFor is Scale for a while: then the pool has its accepted size again. A length of 0
// is until the next apply.
func (c *Client) ScaleFor(ctx context.Context, poolName string, size int, by string, length time.Duration) (Scaled, error) {
	in := struct {
		Size int           `json:"size"`
		By   string        `json:"by"`
		For  pool.Duration `json:"for,omitzero"`
	}{size, by, pool.Duration(length)}
	var scaled Scaled
	err := c.ask(ctx, http.MethodPost, poolPath(poolName, "/scale"), nil, in, &scaled)
	return scaled, err
}

// Recycle replaces the workers of a pool, or the one worker that ref names, by
// new ones of the same launch hash. by says who does it: user@host.
func (c *Client) Recycle(ctx context.Context, ref, by string, each func(Event)) (*Outcome, error) {
	worker, err := pool.ParseWorkerRef(ref)
	if err != nil {
		return nil, refuse(pool.CategoryInvalidArgument, "%v", err)
	}
	in := struct {
		Place int    `json:"place"`
		By    string `json:"by"`
	}{worker.Place, by}
	return c.operate(ctx, poolPath(worker.Pool, "/recycle"), in, each)
}

// Pause stops giving new calls to a pool, or to the one worker that ref names; calls
// wait in the queue. It returns the address of what is paused. by says who does it:
// user@host.
func (c *Client) Pause(ctx context.Context, ref, by string) (string, error) {
	return c.setPause(ctx, ref, "/pause", by)
}

// Resume ends what Pause began.
func (c *Client) Resume(ctx context.Context, ref, by string) (string, error) {
	return c.setPause(ctx, ref, "/resume", by)
}

func (c *Client) setPause(ctx context.Context, ref, verb, by string) (string, error) {
	worker, err := pool.ParseWorkerRef(ref)
	if err != nil {
		return "", refuse(pool.CategoryInvalidArgument, "%v", err)
	}
	in := struct {
		Place int    `json:"place"`
		By    string `json:"by"`
	}{worker.Place, by}
	var out struct{ Address string }
	err = c.ask(ctx, http.MethodPost, poolPath(worker.Pool, verb), nil, in, &out)
	return out.Address, err
}

func (c *Client) operate(ctx context.Context, path string, in any, each func(Event)) (*Outcome, error) {
	resp, err := c.open(ctx, http.MethodPost, path, nil, in)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	outcome, err := follow(resp.Body, each)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("the operation goes on: %w", ctx.Err())
	}
	return outcome, err
}

// ReplaceSupervisor makes the program at an absolute path the next image of the
// supervisor's process, which goes on with its workers, calls and connections. within is
// how long requests and answers that are under way may take to end, 0 for the
// supervisor's own limit. It returns when nothing stands in the way any more; the new
// image tells by SupervisorStatus.Replaced that it has begun.
func (c *Client) ReplaceSupervisor(ctx context.Context, program string, within time.Duration) error {
	body := map[string]any{"program": program, "timeout_ms": within.Milliseconds()}
	return c.ask(ctx, http.MethodPost, "/v1/supervisor/replace", nil, body, nil)
}

// StopSupervisor asks the supervisor to stop, and returns before it has. workers says
// what becomes of its workers; asking again with PartingKill ends a drain that takes
// too long.
func (c *Client) StopSupervisor(ctx context.Context, workers Parting) error {
	query := url.Values{"workers": {string(workers)}}
	return c.ask(ctx, http.MethodPost, "/v1/supervisor/stop", query, nil, nil)
}
