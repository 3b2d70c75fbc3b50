package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

const (
	// The pause between two attempts to connect grows from the first to the last.
	firstPause = 5 * time.Millisecond
	lastPause  = 250 * time.Millisecond
	// lasting is how long a connection must have lasted for its end to be a new outage.
	lasting = time.Second
	// reviveAfter is how long nobody listened when somebody is asked to start a
	// supervisor.
	reviveAfter = time.Second
	// maxResends bounds how often an idempotent call is sent again whose fate is unknown.
	maxResends = 5
)

// pursuit follows one call from one connection to the next until it is answered.
type pursuit struct {
	client *Client
	req    *request
	// broke is why the last connection ended, nil before the first.
	broke *brokenError
	// attached: the call was sent whole once, so that it is asked for and not sent.
	attached bool
	resends  int
	// since is when the outage began, linked when the last connection did.
	since, linked time.Time
	revived       bool
}

// pursue makes a call through a new connection.
func (c *Client) pursue(ctx context.Context, req *request) (*Result, error) {
	return (&pursuit{client: c, req: req}).run(ctx)
}

// pursueAfter goes on with a call whose connection broke.
func (c *Client) pursueAfter(ctx context.Context, req *request, broke *brokenError) (*Result, error) {
	p := &pursuit{client: c, req: req}
	if err := p.lose(broke); err != nil {
		return nil, err
	}
	return p.run(ctx)
}

func (p *pursuit) run(ctx context.Context) (*Result, error) {
	for {
		l, err := p.connect(ctx)
		if err != nil {
			return nil, err
		}
		result, err := p.ask(ctx, l)
		p.client.put(l)
		broke := brokenBy(err)
		if broke == nil {
			return result, err
		}
		if err := p.lose(broke); err != nil {
			return nil, err
		}
	}
}

// lose takes up that a connection broke. It returns an error when that is the end.
func (p *pursuit) lose(broke *brokenError) error {
	p.client.dropIdle() // its supervisor is gone, and so are the others
	p.broke = broke
	p.attached = p.attached || broke.sent
	if now := time.Now(); p.since.IsZero() || now.Sub(p.linked) > lasting {
		p.since, p.revived = now, false
	}
	if p.client.within <= 0 && broke.sent {
		return broke
	}
	return nil
}

// ask sends the call, or asks for the one that was sent, until there is an answer.
func (p *pursuit) ask(ctx context.Context, l *link) (*Result, error) {
	if !p.attached {
		return l.exec(ctx, p.req)
	}
	if !l.attach {
		return nil, p.broke.call // the supervisor is too old to be asked
	}
	result, err := l.askFor(ctx, p.req)
	call, isCall := errors.AsType[*Error](err)
	if !isCall || brokenBy(err) != nil || call.Category != pool.CategoryUnavailable || !call.Retryable {
		return result, err
	}
	if call.Started {
		if p.resends == maxResends {
			return nil, err
		}
		p.resends++
	}
	p.attached = false
	return l.exec(ctx, p.req)
}

// connect returns a connection, waiting for the next supervisor if there was one
// before.
func (p *pursuit) connect(ctx context.Context) (*link, error) {
	if !p.req.deadline.IsZero() { // a supervisor that is stuck cannot hold the caller
		limited, cancel := context.WithDeadline(ctx, p.req.deadline.Add(deadGrace))
		defer cancel()
		ctx = limited
	}
	pause := firstPause
	for {
		l, err := p.client.connect(ctx)
		if err == nil {
			p.linked = time.Now()
			return l, nil
		}
		if ctx.Err() != nil {
			return nil, gaveUp(ctx, p.req.command, p.attached)
		}
		if p.since.IsZero() {
			p.since = time.Now()
		}
		if !p.waits(err) {
			if p.attached {
				return nil, p.broke
			}
			return nil, err
		}
		if err := p.revive(ctx); err != nil {
			return nil, err
		}
		timer := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, gaveUp(ctx, p.req.command, p.attached)
		}
		pause = min(2*pause, lastPause)
	}
}

// waits reports whether it is worth to wait for another supervisor: there was one, it
// did not refuse, and the outage is not over its limit.
func (p *pursuit) waits(err error) bool {
	if call, isCall := errors.AsType[*Error](err); isCall && call.Category != pool.CategoryUnavailable {
		return false
	}
	now := time.Now()
	if !p.req.deadline.IsZero() && now.After(p.req.deadline) {
		return false
	}
	return p.client.hasMet() && now.Sub(p.since) < p.client.within
}

// revive asks for a supervisor, once in an outage.
func (p *pursuit) revive(ctx context.Context) error {
	if p.client.revive == nil || p.revived || time.Since(p.since) < reviveAfter {
		return nil
	}
	p.revived = true
	return p.client.revive(ctx)
}

func (c *Client) hasMet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.met
}

// askFor asks for a call that was sent through another connection.
func (l *link) askFor(ctx context.Context, req *request) (*Result, error) {
	l.stream++
	told := wire.AttachCall{
		Stream: l.stream, ID: req.id.String(), AgeNS: int64(time.Since(req.sentAt)), Pool: req.pool, Idempotent: req.bits&wire.BitIdempotent != 0,
	}
	if !req.deadline.IsZero() {
		told.DeadlineNS = max(1, int64(time.Until(req.deadline)))
	}
	frame, err := wire.AppendJSON(nil, wire.Header{Type: wire.TypeAttach}, wire.Attach{Calls: []wire.AttachCall{told}})
	if err != nil {
		return nil, err
	}
	result, err := l.converse(ctx, req, frame, nil)
	if broke := brokenBy(err); broke != nil {
		broke.sent, broke.call.Started = true, true // the call was, whatever became of the question
	}
	return result, err
}
