package wire

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// maxSocketPath is how long a path may be that is bound or dialled as it is.
const maxSocketPath = 103

// PeerCred returns who is at the other end of conn. ok is false where the system
// cannot tell; then the mode of the socket's file alone protects it.
func PeerCred(conn *net.UnixConn) (cred Cred, ok bool, err error) {
	peer, pid, err := peerOf(conn)
	if err != nil {
		return Cred{}, false, fmt.Errorf("cannot tell who connected: %w", err)
	}
	cred = Cred{UID: peer.Uid, PID: int32(pid)}
	if groups := groupsOf(peer); len(groups) > 0 {
		cred.GID = groups[0] // the effective one comes first
	}
	return cred, true, nil
}

// PeerGroups returns the groups of who is at the other end of conn beside the
// primary one, as they were when it connected: 15 at the most, the system tells no
// more.
func PeerGroups(conn *net.UnixConn) ([]uint32, error) {
	peer, _, err := peerOf(conn)
	if err != nil {
		return nil, fmt.Errorf("cannot tell the groups of a peer: %w", err)
	}
	groups := groupsOf(peer)
	return groups[min(1, len(groups)):], nil
}

func peerOf(conn *net.UnixConn) (peer *unix.Xucred, pid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, 0, err
	}
	var problem error
	err = raw.Control(func(fd uintptr) {
		if peer, problem = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); problem == nil {
			pid, problem = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
		}
	})
	if err == nil {
		err = problem
	}
	return peer, pid, err
}

func groupsOf(peer *unix.Xucred) []uint32 {
	return peer.Groups[:max(0, min(int(peer.Ngroups), len(peer.Groups)))]
}
