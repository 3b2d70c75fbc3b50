package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

const (
	// ForkServerPlace stands for the number of a place in the address of a fork
	// server: pool.api/fork-server.
	ForkServerPlace = "fork-server"
	// maxServerLog is how long the log of a pool's fork servers may become.
	maxServerLog = 1 << 20
	// maxForking is how many requests are with the server at one time.
	maxForking = 32
	// serverLeave is how long a server may take to exit when nobody needs it.
	serverLeave = 2 * time.Second
	// lastWords is how long the socket of a server that is gone is still read.
	lastWords = 200 * time.Millisecond
)

// ErrNotForked is a fork that did not happen, through no fault of the code that
// was preloaded: the worker can be spawned instead.
var ErrNotForked = errors.New("not forked")

// UnsafeError is what a fork server answers that must not be forked.
type UnsafeError struct {
	// Reason says why, and names the module that did it where it is known.
	Reason string
}

// Error implements error.
func (e *UnsafeError) Error() string { return "cannot fork: " + e.Reason }

// CanFork reports whether this system has fork servers. They need Linux: the reaper
// must inherit the workers.
func CanFork() bool { return runtime.GOOS == "linux" }

// ForkServer is one fork server: a Python process that has imported what the workers
// of one launch need and forks them, each as a child of this process. One goroutine
// owns it, from StartForkServer until Done. Its methods are safe for concurrent use.
type ForkServer struct {
	process *Process
	reaper  *Reaper
	conn    *net.UnixConn
	log     string
	offset  int64

	requests  chan *forkRequest
	givenUp   chan *forkRequest
	dismissed chan struct{} // holds one token
	done      chan struct{}

	// What follows belongs to the goroutine of run; reason may be read after done.

	state   serverState
	reason  error           // why there are no workers any more; nil before serverEnding
	failure *pool.CallError // what it raised while it preloaded
	waiting []*forkRequest
	forking map[uint64]*forkRequest // with the server, by id
	lastID  uint64
	killAt  <-chan time.Time
}

// StartForkServer starts a fork server. The document is that of a worker without a
// token, at the address POOL/fork-server; info.Log is the server's own log.
func StartForkServer(r *Reaper, info StartInfo, doc Launch) (*ForkServer, error) {
	conn, theirs, err := packetPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	offset, err := trimLog(info.Log)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("cannot prepare the log of %s: %w", doc.Address, err)
	}
	p, err := start(r, info, "forkserver", doc, theirs)
	if err != nil {
		conn.Close()
		return nil, err
	}
	s := &ForkServer{
		process: p, reaper: r, conn: conn, log: info.Log, offset: offset,
		requests: make(chan *forkRequest), givenUp: make(chan *forkRequest),
		dismissed: make(chan struct{}, 1), done: make(chan struct{}), forking: map[uint64]*forkRequest{},
	}
	go s.run()
	return s, nil
}

// Fork asks for a worker with this document and waits until it exists. Of info it
// takes the log, the limits and the control group; the rest is the server's. An error
// is ErrNotForked, *UnsafeError, a *pool.CallError that says why nothing can be
// preloaded, one of the limits, or that of ctx.
func (s *ForkServer) Fork(ctx context.Context, info StartInfo, doc Launch) (*Process, error) {
	req := &forkRequest{doc: doc, info: info, answer: make(chan forkAnswer, 1)}
	select {
	case s.requests <- req:
	case <-s.done:
		return nil, s.reason
	}
	var a forkAnswer
	select {
	case a = <-req.answer:
		return a.process, a.err
	case <-ctx.Done():
	}
	select {
	case s.givenUp <- req:
	case <-s.done:
	}
	if a = <-req.answer; errors.Is(a.err, errGivenUp) {
		a.err = ctx.Err()
	}
	return a.process, a.err
}

// Dismiss ends the server: it forks no more, and exits before long. The workers that
// it forked live on.
func (s *ForkServer) Dismiss() {
	select {
	case s.dismissed <- struct{}{}:
	default:
	}
}

// Done is closed when the server's process is gone.
func (s *ForkServer) Done() <-chan struct{} { return s.done }

// PID returns the server's process id.
func (s *ForkServer) PID() int { return s.process.PID }

// Tail returns the last lines that the server wrote.
func (s *ForkServer) Tail() string { return Tail(s.words()) }

// words returns the end of what the server wrote, and whether there is more.
func (s *ForkServer) words() (text []byte, cut bool) {
	f, err := os.Open(s.log)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, false
	}
	from := max(s.offset, end-MaxWords)
	text = make([]byte, max(0, end-from))
	n, err := f.ReadAt(text, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false
	}
	return text[:n], from > s.offset
}

// trimLog returns where the output of a server that is about to start begins. A log
// that has grown is emptied: servers before it wrote it while they imported.
func trimLog(path string) (int64, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return 0, err
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, os.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case info.Size() > maxServerLog:
		return 0, os.Truncate(path, 0)
	default:
		return info.Size(), nil
	}
}

// run owns the server until its process is gone and its socket has ended.
func (s *ForkServer) run() {
	defer close(s.done)
	packets, exited := make(chan forkPacket), s.process.Done()
	go readPackets(s.conn, packets)
	for packets != nil || exited != nil {
		select {
		case req := <-s.requests:
			s.take(req)
		case req := <-s.givenUp:
			s.giveUp(req)
		case p, ok := <-packets:
			if !ok {
				packets = nil
				s.conn.Close()
				if s.killAt == nil {
					s.killAt = time.After(lastWords) // usually it is gone by then
				}
				continue
			}
			s.hear(p)
		case <-s.dismissed:
			s.dismiss()
		case <-exited:
			exited = nil
			_ = s.conn.SetReadDeadline(time.Now().Add(lastWords)) // a stray child may hold the other end
		case <-s.killAt:
			_ = s.process.SignalGroup(syscall.SIGKILL) // it may just have exited
		}
	}
	if s.reason == nil {
		s.end(serverExited, s.lost())
		return
	}
	s.step(serverExited)
}

// step moves the server on. An event that cannot be is a server out of its mind.
func (s *ForkServer) step(e serverEvent) {
	state, err := s.state.next(e)
	if err != nil {
		s.end(serverRefused, &UnsafeError{Reason: err.Error()})
		return
	}
	s.state = state
}

// end has the server exit, and answers everybody.
func (s *ForkServer) end(e serverEvent, reason error) {
	patience := serverLeave
	if s.state == serverPreloading && e == serverDismissed {
		patience = 0 // it does not listen
	}
	s.step(e)
	if s.reason != nil {
		return // it ends already
	}
	s.reason = reason
	_ = s.conn.CloseWrite()
	s.killAt = time.After(patience)
	for _, req := range s.waiting {
		req.answer <- forkAnswer{err: reason}
	}
	s.waiting = nil
	for id, req := range s.forking {
		delete(s.forking, id)
		req.document.Close() // whoever was forked for it ends by itself
		req.answer <- forkAnswer{err: fmt.Errorf("%w: %w", ErrNotForked, reason)}
	}
}

func (s *ForkServer) dismiss() {
	s.end(serverDismissed, fmt.Errorf("%w: nobody needs the fork server any more", ErrNotForked))
}

// lost says why a server that nobody had asked to end gives no workers.
func (s *ForkServer) lost() error {
	d := Explain(s.process.Exit(), Circumstances{})
	if s.state == serverForking {
		return fmt.Errorf("%w: the fork server %s", ErrNotForked, d.Text)
	}
	text, cut := s.words()
	LastWords(&d, text, cut)
	failure := pool.NewCallError(pool.CategoryUnavailable, "the fork server %s while it preloaded", d.Text)
	failure.Hint, failure.Stderr = d.Hint, d.Stderr
	if s.failure != nil {
		failure, d.Reason = s.failure, s.failure.Error()
	}
	failure.Exit, failure.Death = d.Text, &d
	return failure
}

// hear takes what the server says.
func (s *ForkServer) hear(p forkPacket) {
	switch p.Event {
	case "ready":
		s.step(serverPreloaded)
	case "failed": // its exit follows, and belongs to the answer
		s.failure, s.killAt = p.Error, time.After(serverLeave)
	case "unsafe":
		s.end(serverRefused, &UnsafeError{Reason: p.Reason})
	case "forked":
		if req := s.forked(p.ID); req != nil {
			s.claim(req, p.PID)
		}
	case "unforked":
		if req := s.forked(p.ID); req != nil {
			req.document.Close()
			req.answer <- forkAnswer{err: fmt.Errorf("%w: %s", ErrNotForked, p.Reason)}
		}
	}
	s.pump()
}
