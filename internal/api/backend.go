package api

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/logs"
	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// Backend is what the server needs of a supervisor. Errors that are a
// *pool.CallError reach the caller as they are; others become internal ones.
type Backend interface {
	// Booted is closed when the backend can serve: connections wait until then.
	Booted() <-chan struct{}
	// Access returns who may do what from now on.
	Access() *access.Policy
	// Address returns the pool that a caller's name means, "" for none.
	Address(name string) string
	// TakeClient takes over a connection of a peer whose preface was read; what it
	// returns serves its frames until its end or that of the context.
	TakeClient(conn net.Conn, peer access.Peer) func(context.Context)
	// ServeInherited serves the frame connections of a former image of this process.
	ServeInherited(ctx context.Context)
	// Replace makes the program at a path the next image of this process, which goes on
	// with everything. It calls answer when nothing can stand in the way any more, and
	// returns only if it fails.
	Replace(r *http.Request, program string, answer func()) error
	Exec(ctx context.Context, req Exec) (ExecAnswer, error)
	// Refuse has the pool that a caller's name means count a call that was answered
	// with that error already.
	Refuse(name string, why *pool.CallError)
	Status(addr string) pool.Status
	Observe() pool.Observed
	// History returns the kept revisions without their specs, newest first; limit 0 is all.
	History(limit int) ([]pool.RevisionHead, error)
	Revision(number uint64) (pool.Revision, error)
	// Plan returns what would change, and what that was compared with.
	Plan(ctx context.Context, desired pool.Desired, opts planner.Options) (planner.Plan, pool.Observed, error)
	Apply(req Apply) Operation
	// StopOperation reports whether there is such an operation.
	StopOperation(id string) bool
	Commands(name string) ([]pool.CommandInfo, error)
	// Scale sets a size by hand, for a while unless last is 0.
	Scale(name string, size int, by string, last time.Duration) (addr string, old int, err error)
	Recycle(name string, place int, by string) (Operation, error)
	// Pause and Resume return the address of what they changed; a negative place is the
	// whole pool.
	Pause(name string, place int, by string) (addr string, err error)
	Resume(name string, place int, by string) (addr string, err error)
	// Rollout and SteerRollout return the address of the pool and where its rollout is;
	// an order is pause, resume, abort or promote.
	Rollout(name string) (addr string, now pool.Rollout, err error)
	SteerRollout(name, order, by string) (addr string, now pool.Rollout, err error)
	Wait(ctx context.Context, name, what string) error
	// Logs returns the logs that a reference means: of a pool, a place or one
	// incarnation of its worker, that is gone or lives.
	Logs(ref string) (logs.Selection, error)
	LogList(ref string) ([]pool.LogInfo, error)
	// Stacks asks a worker, or all of a pool, what its threads are doing.
	Stacks(ctx context.Context, ref string) ([]pool.Stacks, error)
	// Events subscribes to what happens, from since on where it is not zero.
	Events(f event.Filter, since time.Time) *event.Subscription
	Shutdown(workers pool.Parting)
}

// Operation is an operation that can be followed.
type Operation interface {
	// Follow calls see with every event from the first to op_complete. It returns
	// early when ctx ends or see fails; the operation goes on.
	Follow(ctx context.Context, see func(pool.Event) error) error
}
