package wire

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// Descriptor returns the number of a connection's or a listener's descriptor, which
// stays the connection's.
func Descriptor(conn syscall.Conn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	err = raw.Control(func(n uintptr) { fd = int(n) }) //nolint:gosec // a descriptor fits
	return fd, err
}

// InheritConn returns the Unix connection that a former image of this process left
// open under a number.
func InheritConn(fd int) (*net.UnixConn, error) {
	syscall.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), "inherited connection") //nolint:gosec // a descriptor fits
	if file == nil {
		return nil, fmt.Errorf("descriptor %d is none", fd)
	}
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("cannot take descriptor %d over: %w", fd, err)
	}
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		_ = conn.Close()
		return nil, fmt.Errorf("descriptor %d is no Unix socket", fd)
	}
	return unix, nil
}

// InheritListener returns the listener of the socket at path that a former image of
// this process left open under a number.
func InheritListener(fd int, path string) (*Listener, error) {
	syscall.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), "inherited listener") //nolint:gosec // a descriptor fits
	if file == nil {
		return nil, fmt.Errorf("descriptor %d is none", fd)
	}
	defer file.Close()
	inner, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("cannot take descriptor %d over: %w", fd, err)
	}
	unix, ok := inner.(*net.UnixListener)
	if !ok {
		_ = inner.Close()
		return nil, fmt.Errorf("descriptor %d is no Unix socket", fd)
	}
	l := &Listener{UnixListener: unix, path: path}
	l.SetUnlinkOnClose(false)
	if l.made, err = os.Lstat(path); err != nil {
		_ = unix.Close()
		return nil, fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	return l, nil
}
