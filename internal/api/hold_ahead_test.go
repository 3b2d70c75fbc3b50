package api

import (
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/wire"
)

// TestByteReadAheadIsNotLost: a connection of which the HTTP server holds the first
// byte of the next request stays the server's.
func TestByteReadAheadIsNotLost(t *testing.T) {
	l, err := wire.ListenUnix(filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := wire.DialUnix(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	h := newHold()
	c := &peerConn{UnixConn: near, hold: h}
	defer c.Close()
	h.follow(c, http.StateActive)
	if _, err := far.Write([]byte("P")); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Fatalf("Read = %d, %v", n, err)
	}
	h.follow(c, http.StateIdle)
	h.on = true
	if err := near.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 4096)); errors.Is(err, errHeld) {
		t.Error("the connection was handed over without the byte that was read of it")
	}
}
