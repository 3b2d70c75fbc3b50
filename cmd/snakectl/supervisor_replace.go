package main

import (
	"net/http"
	"os"

	"github.com/snakectl/snakectl/internal/api"
	"github.com/snakectl/snakectl/internal/handover"
	"github.com/snakectl/snakectl/internal/supervisor"
	"github.com/snakectl/snakectl/internal/wire"
)

// inheritance is what the image of a supervisor leaves to the next one.
type inheritance struct {
	Supervisor supervisor.Handover `json:"supervisor"`
	// Listener is the descriptor of the clients' socket.
	Listener int `json:"listener"`
	// Web are the connections on which no request goes on.
	Web []heldConn `json:"web"`
}

type heldConn struct {
	FD     int    `json:"fd"`
	Unread []byte `json:"unread"`
}

// received returns what a former image of this process left, nil at the usual start.
func received() (*inheritance, error) {
	left := &inheritance{}
	ok, err := handover.Receive(left)
	if !ok {
		return nil, err
	}
	return left, nil
}

// listen opens the clients' socket, or takes over the one of the former image.
func (i *inheritance) listen(path string) (*wire.Listener, error) {
	if i == nil {
		return wire.ListenUnix(path)
	}
	return wire.InheritListener(i.Listener, path)
}

// supervisor returns the supervisor's part, nil for none.
func (i *inheritance) supervisor() *supervisor.Handover {
	if i == nil {
		return nil
	}
	return &i.Supervisor
}

// connections returns the connections on which no request goes on.
func (i *inheritance) connections() ([]api.Held, error) {
	if i == nil {
		return nil, nil
	}
	var held []api.Held
	for _, c := range i.Web {
		conn, err := wire.InheritConn(c.FD)
		if err != nil {
			return nil, err
		}
		held = append(held, api.Held{Conn: conn, Unread: c.Unread})
	}
	return held, nil
}

// Replace implements api.Backend: it holds what is asked over HTTP, freezes the
// supervisor, writes everything down and becomes the other program.
func (b *backend) Replace(r *http.Request, program string, answer func()) error {
	ctx := r.Context()
	if err := b.Examine(ctx, program); err != nil {
		return err
	}
	held, err := b.server.Hold(ctx, r)
	if err != nil {
		return err
	}
	frozen, err := b.Freeze(ctx)
	if err != nil {
		b.server.Release()
		return err
	}
	goOn := func(err error) error {
		frozen.Thaw()
		b.server.Release()
		return err
	}
	left := inheritance{Supervisor: frozen.Handover}
	if left.Listener, err = wire.Descriptor(b.listener); err != nil {
		return goOn(err)
	}
	keep := append(frozen.Keep, left.Listener)
	for _, c := range held {
		fd, err := wire.Descriptor(c.Conn)
		if err != nil {
			return goOn(err)
		}
		left.Web = append(left.Web, heldConn{FD: fd, Unread: c.Unread})
		keep = append(keep, fd)
	}
	b.cfg.Log.Info("the supervisor is replaced in place", "program", program)
	b.cfg.Replacing()
	answer()
	args := []string{program, "supervisor", "run", "--instance", b.cfg.Instance}
	if b.cfg.Attended {
		args = append(args, attendedFlag)
	}
	return goOn(handover.Exec(program, args, os.Environ(), left, keep))
}
