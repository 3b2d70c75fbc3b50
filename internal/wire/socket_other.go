//go:build !linux && !darwin

package wire

import "net"

// maxSocketPath is how long a path may be that is bound or dialled as it is.
const maxSocketPath = 103

// PeerCred returns who is at the other end of conn. ok is false where the system
// cannot tell; then the mode of the socket's file alone protects it.
func PeerCred(*net.UnixConn) (cred Cred, ok bool, err error) { return Cred{}, false, nil }

// PeerGroups returns the groups of who is at the other end of conn beside the
// primary one; none where the system cannot tell.
func PeerGroups(*net.UnixConn) ([]uint32, error) { return nil, nil }
