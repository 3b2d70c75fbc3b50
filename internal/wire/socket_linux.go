package wire

import (
	"fmt"
	"net"
	"syscall"
	"unsafe"
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

// maxGroups is how many groups a user may be in (NGROUPS_MAX).
const maxGroups = 65536

// PeerGroups returns the groups of who is at the other end of conn beside the
// primary one, as they were when it connected.
func PeerGroups(conn *net.UnixConn) ([]uint32, error) {
	const soPeerGroups = 59 // SO_PEERGROUPS; package syscall has no name for it
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("cannot tell the groups of a peer: %w", err)
	}
	groups := make([]uint32, 64)
	for {
		size := uint32(4 * len(groups))
		var errno syscall.Errno
		err = raw.Control(func(fd uintptr) {
			_, _, errno = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, soPeerGroups,
				uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		})
		if err == nil && errno == syscall.ERANGE && len(groups) < maxGroups {
			groups = make([]uint32, maxGroups)
			continue
		}
		if err == nil && errno != 0 {
			err = errno
		}
		if err != nil {
			return nil, fmt.Errorf("cannot tell the groups of a peer: %w", err)
		}
		return groups[:size/4], nil
	}
}
