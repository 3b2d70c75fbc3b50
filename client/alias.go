package client

import (
	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// Error is what a failed call, or a refused request, carries. Find it with
// errors.As.
type Error = pool.CallError

// Category says what kind of thing went wrong; see Error.Category.
type Category = pool.Category

// The categories of errors.
const (
	Raised          = pool.CategoryRaised
	InvalidArgument = pool.CategoryInvalidArgument
	TooLarge        = pool.CategoryTooLarge
	Deadline        = pool.CategoryDeadline
	Saturated       = pool.CategorySaturated
	QueueTimeout    = pool.CategoryQueueTimeout
	UnknownPool     = pool.CategoryUnknownPool
	UnknownCommand  = pool.CategoryUnknownCommand
	WorkerDied      = pool.CategoryWorkerDied
	Unavailable     = pool.CategoryUnavailable
	Cancelled       = pool.CategoryCancelled
	Denied          = pool.CategoryDenied
	Protocol        = pool.CategoryProtocol
	Internal        = pool.CategoryInternal
)

// The classes of deaths; see Error.Death.
const (
	DeathExit     = pool.DeathExit
	DeathSignal   = pool.DeathSignal
	DeathSegfault = pool.DeathSegfault
	DeathAbort    = pool.DeathAbort
	DeathOOM      = pool.DeathOOM
	DeathKilled   = pool.DeathKilled
	DeathUnknown  = pool.DeathUnknown
)

// What a supervisor tells about itself and its pools.
type (
	// Death is how a worker died.
	Death = pool.Death
	// DeathCall is the call that it executed.
	DeathCall = pool.DeathCall
	// DeathClass says what kind of end it was.
	DeathClass = pool.DeathClass
	// Status is a supervisor and all its pools.
	Status = pool.Status
	// SupervisorStatus is the supervisor itself.
	SupervisorStatus = pool.SupervisorStatus
	// PoolStatus is one pool as it runs.
	PoolStatus = pool.PoolStatus
	// CallCounts counts the finished calls of a pool by how they ended.
	CallCounts = pool.CallCounts
	// Parting says what becomes of the workers when their supervisor ends.
	Parting = pool.Parting
	// WorkerStatus is one worker, or a place that has none.
	WorkerStatus = pool.WorkerStatus
	// WorkerState is where a worker is in its life.
	WorkerState = pool.WorkerState
	// Stacks is what the threads of one worker were doing at a moment.
	Stacks = pool.Stacks
	// LogLine is a line of a worker's log, or a part of one.
	LogLine = pool.LogLine
	// LogInfo is what is kept of one incarnation's log.
	LogInfo = pool.LogInfo
	// Cause is an exception that another one comes from; see Error.Causes.
	Cause = pool.Cause
	// CallProgress is how far a call has come; see WorkerStatus.Progress.
	CallProgress = pool.CallProgress
	// CommandInfo describes one command of an adapter.
	CommandInfo = pool.CommandInfo
)

// What is planned and applied.
type (
	// Desired is an evaluated configuration.
	Desired = pool.Desired
	// Observed is what a plan compares a Desired with.
	Observed = pool.Observed
	// Plan is what would change.
	Plan = planner.Plan
	// PlanOptions select what is planned.
	PlanOptions = planner.Options
	// Git says which state of a repository a configuration was read from.
	Git = pool.Git
	// Revision is one accepted configuration.
	Revision = pool.Revision
	// RevisionHead is a Revision without its configuration.
	RevisionHead = pool.RevisionHead
	// Event is one line of the course of an operation.
	Event = pool.Event
	// Outcome is how an operation ended.
	Outcome = pool.Outcome
)

// What becomes of the workers when their supervisor ends.
const (
	PartingStop = pool.PartingStop
	PartingKeep = pool.PartingKeep
	PartingKill = pool.PartingKill
)
