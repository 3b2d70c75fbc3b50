package wire

import (
	"fmt"
	"net"
	"syscall"
)

// maxSocketPath is how long a path may be that is bound or dialled as it is.
const maxSocketPath = 107

// PeerCred returns who is at the other end of conn. ok is false where the system
// cannot tell; then the mode of the socket's file alone protects it.
func PeerCred(conn *net.UnixConn) (cred Cred, ok bool, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Cred{}, false, fmt.Errorf("cannot tell who connected: %w", err)
	}
	var got *syscall.Ucred
	var problem error
	err = raw.Control(func(fd uintptr) {
		got, problem = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err == nil {
		err = problem
	}
	if err != nil {
		return Cred{}, false, fmt.Errorf("cannot tell who connected: %w", err)
	}
	return Cred{UID: got.Uid, GID: got.Gid, PID: got.Pid}, true, nil
}
