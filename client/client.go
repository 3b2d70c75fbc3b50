package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/internal/wire"
)

// ErrNoSupervisor says that nobody listens on the socket: the supervisor of the
// instance does not run.
var ErrNoSupervisor = errors.New("no supervisor answers on the socket")

const (
	agent = "snakectl-client"
	// maxIdle is how many connections are kept for the next calls. It is the
	// number of concurrent callers that never pay for connecting.
	maxIdle = 128
)

// Client is a connection to one supervisor, or will be: New connects to nothing
// and a supervisor may come and go meanwhile.
type Client struct {
	socket string
	web    *http.Client
	// within is how long an outage of the supervisor may last, revive who ends it.
	within time.Duration
	revive func(context.Context) error

	// mu guards what follows.
	mu     sync.Mutex
	idle   []*link // the one used last is the last
	closed bool
	met    bool // a supervisor has answered
}

// Option changes how a Client works.
type Option func(*Client)

// DefaultReconnect is how long a call waits for the next supervisor unless Reconnect
// says otherwise.
const DefaultReconnect = 30 * time.Second

// Reconnect sets how long a call waits for the next supervisor when the one that it was
// made through is gone. It ends with the call's own deadline in any case. With 0
// such a call fails at once.
func Reconnect(within time.Duration) Option {
	return func(c *Client) { c.within = within }
}

// Revive sets what is called, by one of the calls that wait, when no supervisor has
// come back within a second: it may start one. Its error ends the wait of that call.
func Revive(start func(context.Context) error) Option {
	return func(c *Client) { c.revive = start }
}

// New returns a client of the supervisor whose socket is at the path, without
// connecting to it.
func New(socket string, options ...Option) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dialSocket(ctx, socket) }
	c := &Client{
		socket: socket, within: DefaultReconnect,
		web: &http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true, MaxIdleConnsPerHost: 2}},
	}
	for _, option := range options {
		option(c)
	}
	return c
}

// Dial returns a client after it said hello to the supervisor once. The error is
// ErrNoSupervisor when nobody listens.
func Dial(ctx context.Context, socket string, options ...Option) (*Client, error) {
	c := New(socket, options...)
	l, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	c.put(l)
	return c, nil
}

// Socket returns the path that the client was made with.
func (c *Client) Socket() string { return c.socket }

// Close closes the idle connections; one in use is closed when its call ends. No
// call can be made afterwards.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.dropIdle()
	c.web.CloseIdleConnections()
}

// take returns an idle connection, or nil when there is none.
func (c *Client) take() (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, fmt.Errorf("cannot call: the client is closed: %w", net.ErrClosed)
	}
	if len(c.idle) == 0 {
		return nil, nil
	}
	last := len(c.idle) - 1
	l := c.idle[last]
	c.idle[last] = nil
	c.idle = c.idle[:last]
	return l, nil
}

// put keeps a connection for the next call, or closes it when it is broken.
func (c *Client) put(l *link) {
	if !l.broken && c.keep(l) {
		return
	}
	_ = l.conn.Close()
}

func (c *Client) keep(l *link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) >= maxIdle {
		return false
	}
	c.idle = append(c.idle, l)
	return true
}

// dropIdle closes the idle connections. When one of them turned out to be dead,
// its supervisor is gone and so are the others.
func (c *Client) dropIdle() {
	c.mu.Lock()
	idle := c.idle
	c.idle = nil
	c.mu.Unlock()
	for _, l := range idle {
		_ = l.conn.Close()
	}
}

// dialSocket connects to a supervisor's socket.
func dialSocket(ctx context.Context, socket string) (*net.UnixConn, error) {
	conn, err := wire.DialUnix(ctx, socket)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w: %w", ErrNoSupervisor, err)
	}
	return conn, err
}
