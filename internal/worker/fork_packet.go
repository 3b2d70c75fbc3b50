package worker

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/snakectl/snakectl/internal/pool"
)

// maxPacket bounds what a fork server says at once: a traceback of 64 KiB, escaped.
const maxPacket = 200 << 10

// forkOrder is a request as the server reads it. Two descriptors go with it: the
// log and the launch document of the worker.
type forkOrder struct {
	ID uint64 `json:"id"`
}

// forkPacket is what a fork server says.
type forkPacket struct {
	// Event is ready, failed (Error), unsafe (Reason), forked (ID, PID) or unforked
	// (ID, Reason).
	Event  string          `json:"event"`
	ID     uint64          `json:"id"`
	PID    int             `json:"pid"`
	Reason string          `json:"reason"`
	Error  *pool.CallError `json:"error"`
}

// packetPair returns the two ends of a connection that keeps packets apart: ours,
// and the one that a child inherits.
func packetPair() (*net.UnixConn, *os.File, error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make the socket of a fork server: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "fork server"), os.NewFile(uintptr(fds[1]), "fork server")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("cannot use the socket of a fork server: %w", err)
	}
	return conn.(*net.UnixConn), theirs, nil //nolint:forcetypeassert // a Unix socket by its making
}

// readPackets hands on what the server says until its socket ends; then it closes
// packets.
func readPackets(conn *net.UnixConn, packets chan<- forkPacket) {
	defer close(packets)
	buf := make([]byte, maxPacket)
	for {
		n, err := conn.Read(buf)
		if err != nil || n == 0 {
			return
		}
		var p forkPacket
		if err := json.Unmarshal(buf[:n], &p); err != nil {
			p = forkPacket{Event: "unsafe", Reason: fmt.Sprintf("it said what nobody understands: %v", err)}
		}
		packets <- p
	}
}
