package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/wire"
)

const (
	// maxStrangers is how many peers without any right are being told so at one time;
	// others are hung up on. strangerWithin is how long each of them has.
	maxStrangers   = 16
	strangerWithin = time.Second
)

// PeerOf returns who is at the other end of a connection.
func PeerOf(conn *net.UnixConn) (access.Peer, error) {
	cred, known, err := wire.PeerCred(conn)
	if err != nil || !known {
		return access.Peer{}, err
	}
	groups, err := wire.PeerGroups(conn)
	if err != nil {
		groups = nil // an old kernel: the primary group alone counts
	}
	return access.Peer{Known: true, UID: cred.UID, Groups: append(groups, cred.GID)}, nil
}

// connKey finds the connection of a request.
type connKey struct{}

// withPeer makes the peer of a connection known to its requests.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn.(*peerConn)) //nolint:forcetypeassert // handoff gives these alone
}

func requester(r *http.Request) access.Peer {
	return r.Context().Value(connKey{}).(*peerConn).peer //nolint:forcetypeassert // withPeer set it
}

// guard lets a request pass whose peer has one of the rights now, for the pool that
// it names.
func (s *Server) guard(rights []access.Right, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.allows(r, rights...) {
			right := access.Read
			if len(rights) > 0 {
				right = rights[0]
			}
			denied := access.Denied(requester(r), right, s.subject(r))
			if r.Pattern == runRoute {
				s.backend.Refuse(r.PathValue("pool"), denied)
			}
			fail(w, denied)
			return
		}
		next(w, r)
	}
}

func (s *Server) allows(r *http.Request, rights ...access.Right) bool {
	policy, peer := s.backend.Access(), requester(r)
	if len(rights) == 0 {
		return policy.Knows(peer)
	}
	addr := s.subject(r)
	for _, right := range rights {
		if policy.Allows(peer, right, addr) {
			return true
		}
	}
	return false
}

// subject returns the pool that a request is about, "" for none.
func (s *Server) subject(r *http.Request) string {
	if name := r.PathValue("pool"); name != "" {
		return s.backend.Address(name)
	}
	return ""
}

// signed returns who asks for a change, as the history shows it: what a peer says
// of itself, with what the kernel says when that is somebody else than the owner.
func (s *Server) signed(r *http.Request, by string) string {
	if peer := requester(r); !s.backend.Access().Trusts(peer) {
		return fmt.Sprintf("%s (uid %d)", by, peer.UID)
	}
	return by
}

// turnAway tells a peer without any right that it has none, and hangs up.
func (s *Server) turnAway(ctx context.Context, conn *net.UnixConn, peer access.Peer) {
	defer conn.Close()
	s.log.Warn("refused a connection of another user", "uid", peer.UID)
	select {
	case s.strangers <- struct{}{}:
		defer func() { <-s.strangers }()
	default:
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(strangerWithin))
	frames, _, err := wire.Sniff(conn)
	if err != nil {
		return
	}
	denied := access.Denied(peer, access.Read, "")
	var text []byte
	if frames {
		text, err = wire.AppendJSON(nil, wire.Header{Type: wire.TypeGoAway}, denied)
	} else if text, err = json.Marshal(map[string]any{"error": denied}); err == nil {
		text = fmt.Appendf(nil, "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
	}
	if err == nil {
		_, _ = conn.Write(text)
		s.hangUpGently(conn)
	}
}

// hangUpGently lets the peer read what was written: closing a socket that holds
// unread bytes would reset it.
func (s *Server) hangUpGently(conn *net.UnixConn) {
	_ = conn.CloseWrite()
	rest := make([]byte, 4096)
	for {
		if _, err := conn.Read(rest); err != nil {
			return
		}
	}
}
