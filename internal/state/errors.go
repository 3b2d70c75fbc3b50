package state

import (
	"errors"
	"fmt"
	"time"
)

// ErrNotFound is wrapped by methods that were given a number or a name of which
// the store has no record.
var ErrNotFound = errors.New("no such record")

// ErrDamaged is wrapped by every error that says that a state file is not what
// was last written. The next Open brings a backup back.
var ErrDamaged = errors.New("state.db cannot be trusted")

// LockedError says that another process owns the instance's store.
type LockedError struct {
	Dir string
	// PID is the owner's process id, or 0 when it has not told it yet.
	PID int
}

// Error names the owner and what to do about it.
func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("another process owns the instance %s: ask it with `snakectl status`, or choose another directory with --instance", e.Dir)
	}
	return fmt.Sprintf("process %d owns the instance %s: ask it with `snakectl status`, or end it with `snakectl supervisor stop`", e.PID, e.Dir)
}

// ConflictError says that a spec was made for a revision that is not the current
// one: somebody else was faster.
type ConflictError struct {
	Base, Current uint64
	// By and At tell who accepted the current revision; they are zero when the
	// current revision is 0.
	By string
	At time.Time
}

// Error tells who was faster.
func (e *ConflictError) Error() string {
	if e.Current == 0 {
		return fmt.Sprintf("the plan was made for revision %d, but nothing is accepted: plan again", e.Base)
	}
	return fmt.Sprintf("the plan was made for revision %d, but the current one is %d, applied by %s at %s: plan again",
		e.Base, e.Current, e.By, e.At.Format(time.RFC3339))
}

// FormatError says that a state file was written by a newer release than this
// one. The file has not been touched.
type FormatError struct {
	Path string
	// Format is the file's and Supported the newest that this release reads.
	Format, Supported int
	// Version is the release that wrote the file.
	Version string
}

// Error names both formats and the release to use.
func (e *FormatError) Error() string {
	return fmt.Sprintf("%s has format %d, written by snakectl %s; this release reads formats up to %d: use snakectl %s or newer",
		e.Path, e.Format, e.Version, e.Supported, e.Version)
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}
