package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// ErrInUse says that somebody answers on the socket that was to be created.
var ErrInUse = errors.New("another process answers on this socket")

// Listener is a listening Unix socket. Close removes its file, if it is still
// the one that was created.
type Listener struct {
	*net.UnixListener
	path   string
	made   os.FileInfo
	remove sync.Once
}

// ListenUnix creates the socket at path with mode 0600. A file left by a process
// that is gone is replaced; one that somebody answers on is ErrInUse.
//
// A path may be longer than the 107 bytes that an address holds, where there is
// a /proc.
func ListenUnix(path string) (*Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	address, release, err := shorten(path)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	defer release()
	// On Linux a socket's file takes the mode of the unbound socket, so nobody
	// else can connect at any moment. Elsewhere the chmod below comes later.
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) })
	}}
	inner, err := config.Listen(context.Background(), "unix", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", path, withoutAddress(err))
	}
	l := &Listener{UnixListener: inner.(*net.UnixListener), path: path}
	l.SetUnlinkOnClose(false) // the address may not name the file later
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot listen on %s: %w", path, err), l.UnixListener.Close())
	}
	if l.made, err = os.Lstat(path); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot listen on %s: %w", path, err), l.UnixListener.Close())
	}
	return l, nil
}

// Close stops listening and removes the socket's file.
func (l *Listener) Close() error {
	l.remove.Do(func() {
		// The open socket keeps its file's inode, so no other file can have it.
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.made) {
			_ = os.Remove(l.path)
		}
	})
	return l.UnixListener.Close()
}

// Open sets who may connect: the mode of the socket's file and, unless group is
// negative, its group. A group that may not be given leaves the mode as it was.
func (l *Listener) Open(mode os.FileMode, group int) error {
	now, err := os.Lstat(l.path)
	if err == nil && !os.SameFile(now, l.made) {
		err = errors.New("another socket is there now")
	}
	if err == nil && group >= 0 {
		err = os.Lchown(l.path, -1, group)
	}
	if err == nil {
		err = os.Chmod(l.path, mode)
	}
	if err != nil {
		return fmt.Errorf("cannot set who may connect to %s: %w", l.path, err)
	}
	return nil
}

// DialUnix connects to the socket at path, which may be longer than an address
// holds, where there is a /proc.
func DialUnix(ctx context.Context, path string) (*net.UnixConn, error) {
	address, release, err := shorten(path)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to %s: %w", path, err)
	}
	defer release()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", address)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to %s: %w", path, withoutAddress(err))
	}
	return conn.(*net.UnixConn), nil
}

// removeStale removes the socket of a process that is gone.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("the file exists and is not a socket; remove it or choose another directory")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := DialUnix(ctx, path)
	if err == nil {
		_ = conn.Close()
		return ErrInUse
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("a socket is there already: %w", err)
	}
	return os.Remove(path)
}

// shorten returns an address for path that fits into a socket address, and what
// to call when it is no longer needed.
func shorten(path string) (address string, release func(), err error) {
	if len(path) <= maxSocketPath {
		if path != "" && path[0] == '@' {
			return "./" + path, func() {}, nil // net takes @ for the abstract name space
		}
		return path, func() {}, nil
	}
	if _, err := os.Stat(procFD); err != nil {
		return "", nil, fmt.Errorf("the path has %d bytes, more than the %d a socket's address holds, and there is no %s; choose a shorter directory",
			len(path), maxSocketPath, procFD)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	address = fmt.Sprintf("%s/%d/%s", procFD, dir.Fd(), filepath.Base(path))
	if len(address) > maxSocketPath {
		_ = dir.Close()
		return "", nil, fmt.Errorf("the file's name has %d bytes, too many for a socket", len(filepath.Base(path)))
	}
	return address, func() { _ = dir.Close() }, nil
}

const procFD = "/proc/self/fd"

// withoutAddress drops net's operation and address, which may be a /proc path.
func withoutAddress(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// Cred is who a peer was when it connected.
type Cred struct {
	UID, GID uint32
	PID      int32
}

// Sniff reads the first bytes of an accepted connection. When they are the
// preface it returns true and conn itself, positioned behind it; else false and
// a connection that still has them, for an HTTP server.
func Sniff(conn net.Conn) (frames bool, rest net.Conn, err error) {
	first := make([]byte, len(Preface))
	if _, err := io.ReadFull(conn, first); err != nil {
		return false, nil, err
	}
	if string(first) == Preface {
		return true, conn, nil
	}
	return false, &replayed{Conn: conn, first: first}, nil
}

// replayed is a connection whose first bytes were read already.
type replayed struct {
	net.Conn
	first []byte
}

func (c *replayed) Read(p []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
