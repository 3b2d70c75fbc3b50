package wire_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/wire"
)

// ownedPair returns both ends of a connection that were taken over.
func ownedPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := wire.ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err := wire.DialUnix(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	if a, err = wire.Own(dialled); err != nil {
		t.Fatal(err)
	}
	if b, err = wire.Own(accepted); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = a.Close()
		_ = b.Close()
	})
	return a, b
}

func TestOwnedConnectionCarriesMoreThanTheKernelHolds(t *testing.T) {
	a, b := ownedPair(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // 2 MiB
	sent := make(chan error, 1)
	go func() {
		_, err := a.Write(want)
		sent <- err
	}()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(b, got); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil || !bytes.Equal(got, want) {
		t.Fatalf("Write = %v, the same bytes arrived: %v", err, bytes.Equal(got, want))
	}
}

func TestOwnedConnectionEnds(t *testing.T) {
	a, b := ownedPair(t)
	t.Run("at a read deadline", func(t *testing.T) {
		_ = b.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read = %v, want a deadline", err)
		}
		_ = b.SetReadDeadline(time.Time{})
	})
	t.Run("at a write deadline", func(t *testing.T) {
		_ = b.SetWriteDeadline(time.Now().Add(time.Millisecond))
		if _, err := b.Write(make([]byte, 4<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write = %v, want a deadline", err)
		}
	})
	t.Run("when it is closed under a reader", func(t *testing.T) {
		read := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, a) // what b wrote, then nothing
			read <- err
		}()
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-read; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read = %v, want net.ErrClosed", err)
		}
		if err := a.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a second Close = %v, want net.ErrClosed", err)
		}
	})
}

func TestOwnedConnectionReadsToTheEnd(t *testing.T) {
	a, b := ownedPair(t)
	if _, err := a.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(b)
	if err != nil || string(got) != "last words" {
		t.Errorf("ReadAll = %q, %v", got, err)
	}
}
