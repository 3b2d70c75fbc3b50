package wire

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// The pause before another try where a connection could not be accepted.
const (
	shortestPause = 5 * time.Millisecond
	longestPause  = 200 * time.Millisecond
)

// AcceptEach gives each connection to serve until the listener is closed. Where the
// process or the machine has run out of descriptors or memory, connections wait in
// the kernel's queue until there is some again; short is told when that begins.
func (l *Listener) AcceptEach(serve func(*net.UnixConn), short func(error)) error {
	for pause := time.Duration(0); ; {
		conn, err := l.AcceptUnix()
		switch {
		case err == nil:
			pause = 0
			serve(conn)
		case errors.Is(err, net.ErrClosed):
			return nil
		case isShortage(err):
			if pause == 0 {
				short(err)
			}
			pause = min(max(2*pause, shortestPause), longestPause)
			<-time.After(pause)
		default:
			return err
		}
	}
}

// isShortage reports whether a connection could not be accepted for a reason that
// passes.
func isShortage(err error) bool {
	for _, passing := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}
