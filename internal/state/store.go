package state

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// Format is the newest format of the state file that this release reads and the
// only one that it writes.
const Format = 1

// DefaultHistoryKeep is how many revisions are kept when neither the accepted
// settings nor the options say it.
const DefaultHistoryKeep = 50

// Options configure a store. The zero value works.
type Options struct {
	// Version is the release that writes; a FormatError of an older release names it.
	Version string
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// HistoryKeep is how many revisions to keep while the accepted settings do not
	// say it; DefaultHistoryKeep when zero.
	HistoryKeep int
	// Lock is the lock of the instance, held by a former image of this process; nil
	// when it is to be taken.
	Lock *os.File
	// Clock is the monotonic clock that LastForgotten tells of; nothing is noted when nil.
	Clock func() Moment
	// Log takes what went wrong beside a transaction that succeeded, such as a
	// backup that could not be written; nothing is logged when nil.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.HistoryKeep <= 0 {
		o.HistoryKeep = DefaultHistoryKeep
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "unknown"
	}
	return o
}

// Store is an instance's durable memory. One goroutine owns it and calls the
// methods that write; those that read may be called from any.
type Store struct {
	dir     string
	opts    Options
	owner   *ownership
	db      *bbolt.DB
	lineage string
	// current is the accepted revision, whose Desired is nil at first.
	current atomic.Pointer[current]
	// broken is set when bbolt could not finish a transaction: its locks may be
	// held for ever, so it is not called again.
	broken atomic.Pointer[fault]
	// serial is the highest revision number ever given in the lineage, and backedUp
	// the serial that state.db.bak.1 holds, 0 while unknown.
	serial, backedUp uint64
}

// current is the accepted spec and where it came from.
type current struct {
	number  uint64
	desired *pool.Desired
	by      string
	at      time.Time
}

// Close ends the ownership of the store. Nothing may be called after it.
func (s *Store) Close() error {
	defer s.owner.release()
	if s.broken.Load() != nil {
		return nil // bbolt cannot be closed; the process's end does it
	}
	err := s.db.Close()
	if err != nil {
		return fmt.Errorf("cannot close %s: %w", fileDB, err)
	}
	return nil
}

// LockDescriptor returns the descriptor that holds the instance. The next image of this
// process inherits it, so that the instance is never without an owner.
func (s *Store) LockDescriptor() int { return int(s.owner.file.Fd()) } //nolint:gosec // a descriptor fits

// Lineage returns the name that the store was given when it was made. Plans carry
// it, so that one made for another instance is refused.
func (s *Store) Lineage() string { return s.lineage }

// Revision returns the number of the accepted revision, 0 when nothing is accepted.
func (s *Store) Revision() uint64 { return s.current.Load().number }

// Accepted returns the accepted spec and its revision, nil and 0 when nothing is
// accepted. The spec is shared: it must not be changed.
func (s *Store) Accepted() (*pool.Desired, uint64) {
	c := s.current.Load()
	return c.desired, c.number
}

// update runs fn in one transaction that is on disk when update returns nil, and
// did not happen when it returns an error.
func (s *Store) update(what string, fn func(tx *bbolt.Tx) error) error {
	return s.run(what, func() error { return s.db.Update(fn) })
}

func (s *Store) view(what string, fn func(tx *bbolt.Tx) error) error {
	return s.run(what, func() error { return s.db.View(fn) })
}

func (s *Store) run(what string, transaction func() error) error {
	if f := s.broken.Load(); f != nil {
		return say(what, f)
	}
	err := guard(transaction)
	if f, ok := errors.AsType[*fault](err); ok {
		s.broken.Store(f)
	}
	return say(what, err)
}

func say(what string, err error) error {
	if err != nil {
		return fmt.Errorf("cannot %s: %w", what, err)
	}
	return nil
}

// fault is a panic out of bbolt. It wraps ErrDamaged.
type fault struct{ reason any }

func (f *fault) Error() string {
	return fmt.Sprintf("%v: %v; restart the supervisor, which brings a backup back", ErrDamaged, f.reason)
}

func (f *fault) Unwrap() error { return ErrDamaged }

// guard runs fn, which reads a mapped file. When somebody cuts the file short
// under us the kernel answers a read with a fault: that becomes an error here
// instead of the end of the process.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = &fault{reason: r}
		}
	}()
	return fn()
}
