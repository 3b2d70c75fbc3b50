package wire

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Own takes a connection over and returns the same connection, off the runtime's
// poller but for what wakes a reader. The given one is closed.
//
// The runtime watches every socket for reading and for writing. A Unix socket
// becomes writable again each time its peer has read, so every frame that leaves
// wakes the poller's thread once more, for nothing: as many context switches as the
// frames themselves cost. Here the socket is watched by an epoll of its own, for
// reading alone, and the runtime watches that epoll.
func Own(conn *net.UnixConn) (net.Conn, error) {
	fd, err := duplicate(conn)
	if err != nil {
		return nil, fmt.Errorf("cannot take a connection over: %w", err)
	}
	watch, err := newWatch(fd, syscall.EPOLLIN|syscall.EPOLLRDHUP)
	if err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("cannot watch a connection: %w", err)
	}
	c := &owned{fd: fd, readable: watch, local: conn.LocalAddr(), remote: conn.RemoteAddr()}
	c.onRead = func(uintptr) bool { return c.read(uintptr(c.fd)) }
	c.onWrite = func(uintptr) bool { return c.write(uintptr(c.fd)) }
	return c, conn.Close()
}

// duplicate returns a descriptor of the same connection that no poller knows.
func duplicate(conn *net.UnixConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd, errno := -1, syscall.Errno(0)
	err = raw.Control(func(old uintptr) {
		var r uintptr
		r, _, errno = syscall.Syscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0)
		fd = int(r) //nolint:gosec // a descriptor fits
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return fd, err
}

// watch is an epoll on one descriptor that the runtime's poller knows as a file.
type watch struct {
	file *os.File
	raw  syscall.RawConn
}

func newWatch(fd int, events uint32) (*watch, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	event := syscall.EpollEvent{Events: events, Fd: int32(fd)} //nolint:gosec // a descriptor fits
	err = errors.Join(syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, fd, &event), syscall.SetNonblock(epoll, true))
	if err != nil {
		return nil, errors.Join(err, syscall.Close(epoll))
	}
	file := os.NewFile(uintptr(epoll), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &watch{file, raw}, nil
}

// owned is a connection that Own took over. It is its own syscall.RawConn: what
// Read and Write are given is called with the socket's descriptor, one reader and
// one writer at a time. The watch's lock keeps the descriptor open meanwhile.
type owned struct {
	fd            int
	readable      *watch
	local, remote net.Addr

	read, write     func(fd uintptr) bool
	onRead, onWrite func(uintptr) bool

	// mu guards what follows.
	mu       sync.Mutex
	writable *watch // made when a write first has to wait
	writeBy  time.Time
	closed   bool
}

// SyscallConn implements syscall.Conn.
func (c *owned) SyscallConn() (syscall.RawConn, error) { return rawOwned{c}, nil }

type rawOwned struct{ c *owned }

// Control implements syscall.RawConn.
func (r rawOwned) Control(f func(fd uintptr)) error {
	return r.c.readable.raw.Control(func(uintptr) { f(uintptr(r.c.fd)) })
}

// Read implements syscall.RawConn.
func (r rawOwned) Read(f func(fd uintptr) bool) error {
	r.c.read = f
	return r.c.said(r.c.readable.raw.Read(r.c.onRead))
}

// Write implements syscall.RawConn for an f that never waits, which is to say one
// that returns true.
func (r rawOwned) Write(f func(fd uintptr) bool) error {
	r.c.write = f
	return r.c.said(r.c.readable.raw.Write(r.c.onWrite))
}

// said makes what the runtime says of a closed watch the error of a closed
// connection.
func (c *owned) said(err error) error {
	if err == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	return err
}

// Read implements net.Conn.
func (c *owned) Read(b []byte) (int, error) {
	r := &Reader{raw: rawOwned{c}}
	r.attempt = r.readOnce
	return r.readRaw(b)
}

// Write implements net.Conn: it waits until all of b is written. The Outbox of a
// connection calls it for what the kernel did not take at once.
func (c *owned) Write(b []byte) (int, error) {
	sent := 0
	for {
		var errno syscall.Errno
		err := c.readable.raw.Control(func(uintptr) {
			for sent < len(b) && (errno == 0 || errno == syscall.EINTR) {
				var n int
				n, errno = writeNow(uintptr(c.fd), b[sent:])
				sent += n
			}
		})
		switch {
		case err != nil:
			return sent, c.said(err)
		case sent == len(b):
			return sent, nil
		case errno != syscall.EAGAIN:
			return sent, errno
		}
		if err := c.awaitRoom(); err != nil {
			return sent, err
		}
	}
}

// awaitRoom waits until the peer has read.
func (c *owned) awaitRoom() error {
	c.mu.Lock()
	var err error
	if c.closed {
		err = net.ErrClosed
	} else if c.writable == nil {
		if c.writable, err = newWatch(c.fd, syscall.EPOLLOUT); err == nil {
			err = c.writable.file.SetReadDeadline(c.writeBy)
		}
	}
	w := c.writable
	c.mu.Unlock()
	if err != nil {
		return err
	}
	looked := false
	return c.said(w.raw.Read(func(epoll uintptr) bool {
		if looked {
			return true
		}
		looked = true
		var events [1]syscall.EpollEvent
		n, err := syscall.EpollWait(int(epoll), events[:], 0) //nolint:gosec // a descriptor fits
		return err != nil || n > 0
	}))
}

// Close implements net.Conn. It wakes and outwaits whoever reads or writes.
func (c *owned) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return net.ErrClosed
	}
	c.closed = true
	writable := c.writable
	c.mu.Unlock()
	if writable != nil {
		_ = writable.file.Close()
	}
	err := c.readable.file.Close() // returns when nobody uses the descriptor any more
	return errors.Join(err, syscall.Close(c.fd))
}

// LocalAddr implements net.Conn.
func (c *owned) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *owned) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *owned) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *owned) SetReadDeadline(t time.Time) error { return c.said(c.readable.file.SetReadDeadline(t)) }

// SetWriteDeadline implements net.Conn.
func (c *owned) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.writeBy = t
	w := c.writable
	c.mu.Unlock()
	if w == nil {
		return nil
	}
	return c.said(w.file.SetReadDeadline(t))
}
