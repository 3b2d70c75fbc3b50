package main

import (
	"fmt"

	"github.com/snakectl/snakectl/internal/pool"
)

// The exit codes, as docs/exit-codes.md documents them.
const (
	exitOK    = 0
	exitError = 1
	// exitChanges: plan --detailed-exitcode found changes.
	exitChanges = 2
	// exitReverted: a roll failed, and the former code runs again.
	exitReverted = 3
	// exitMixed: something changed and did not reach its goal.
	exitMixed = 4
	// exitStale: the plan is stale, or another operation holds a pool or another
	// supervisor the instance.
	exitStale = 5
	// exitRaised: the command raised.
	exitRaised = 10
	// exitTimeout: a deadline passed.
	exitTimeout = 11
	// exitSaturated: no worker was free to take the call in time.
	exitSaturated = 12
	// exitUnknown: there is no such pool or command.
	exitUnknown = 13
	// exitWorkerDied: the worker exited while it executed the call.
	exitWorkerDied = 14
	// exitDenied: whoever asked may not do this.
	exitDenied = 15
	// exitInterrupted: the person gave up.
	exitInterrupted = 130
)

// codedError is an error with an exit code of its own. A nil err says that the
// reason has been told already.
type codedError struct {
	code int
	err  error
}

// Error returns the reason.
func (e *codedError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

// Unwrap returns the reason.
func (e *codedError) Unwrap() error { return e.err }

// exitWith returns an error whose reason has been told already.
func exitWith(code int) error {
	if code == exitOK {
		return nil
	}
	return &codedError{code: code}
}

// categoryExit returns the exit code of a failed call.
func categoryExit(c pool.Category) int {
	switch c {
	case pool.CategoryRaised:
		return exitRaised
	case pool.CategoryDeadline:
		return exitTimeout
	case pool.CategorySaturated, pool.CategoryQueueTimeout, pool.CategoryUnavailable:
		return exitSaturated
	case pool.CategoryUnknownPool, pool.CategoryUnknownCommand:
		return exitUnknown
	case pool.CategoryWorkerDied:
		return exitWorkerDied
	case pool.CategoryDenied:
		return exitDenied
	case pool.CategoryCancelled:
		return exitInterrupted
	case pool.CategoryInvalidArgument, pool.CategoryTooLarge, pool.CategoryProtocol, pool.CategoryInternal:
		return exitError
	}
	return exitError
}

// resultExit returns the exit code of an operation's result.
func resultExit(result string) int {
	switch result {
	case pool.ResultConverged, pool.ResultUnchanged:
		return exitOK
	case pool.ResultReverted:
		return exitReverted
	case pool.ResultMixed:
		return exitMixed
	case pool.ResultStale, pool.ResultConflict:
		return exitStale
	case pool.ResultInterrupted:
		return exitInterrupted
	}
	return exitError
}
