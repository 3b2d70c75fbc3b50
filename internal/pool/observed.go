package pool

import "time"

// Observed is what a planner compares a Desired with: the accepted state and,
// when a supervisor answers, its worker table, both taken at one moment.
type Observed struct {
	Lineage  string `json:"lineage"`
	Revision uint64 `json:"revision"`
	// Accepted is the desired state of Revision; nil before the first apply.
	Accepted *Desired `json:"accepted,omitempty"`
	// WorkersObserved is false when no supervisor runs: Pools then holds what the
	// state file remembers, not what lives.
	WorkersObserved bool `json:"workers_observed"`
	// Pools is keyed by address.
	Pools map[string]ObservedPool `json:"pools"`
	// Confinement says how workers are held to their limits here.
	Confinement Confinement `json:"confinement,omitzero"`
	// Machine is what decides which variables workers get here.
	Machine Machine `json:"machine,omitzero"`
	// Environments are the keys of the environments that are built here.
	Environments []string `json:"environments,omitempty"`
}

// ObservedPool is one pool as it runs.
type ObservedPool struct {
	// Size is the size in force: the accepted one, or an override's.
	Size     int             `json:"size"`
	Override *Override       `json:"override,omitempty"`
	Places   []ObservedPlace `json:"places"`
	// InForce is what the pool was last brought to, where that is not what was
	// accepted: the apply that accepted it ended before it came to this pool.
	InForce *Configured `json:"in_force,omitempty"`
}

// Configured is a pool as one spec has it, with the runtime that it names there.
type Configured struct {
	Spec    Pool    `json:"spec"`
	Runtime Runtime `json:"runtime"`
}

// ObservedPlace is one place of a pool.
type ObservedPlace struct {
	Place int `json:"place"`
	// State is the state of the place's worker, or WorkerQuarantined.
	State       WorkerState `json:"state"`
	Incarnation string      `json:"incarnation,omitempty"`
	// LaunchHash is what the place's worker was started with.
	LaunchHash string `json:"launch_hash,omitempty"`
	// Message says why a place is quarantined.
	Message string `json:"message,omitempty"`
}

// Override is a size that somebody set by hand.
type Override struct {
	Size int       `json:"size"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	// Until is when the accepted size returns by itself; zero for never.
	Until time.Time `json:"until,omitzero"`
}

// Over reports whether the override has ended by itself.
func (o *Override) Over(now time.Time) bool { return !o.Until.IsZero() && !now.Before(o.Until) }

// Pause says who stopped giving new calls to a pool or to a worker, and when.
type Pause struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Worker is the durable record of one worker: all that a later supervisor needs
// to prove that a process is this worker before it adopts or signals it.
type Worker struct {
	Pool        string `json:"pool"`
	Place       int    `json:"place"`
	Incarnation string `json:"incarnation"`
	// Serves is the pool that the worker serves, where that was moved since the worker
	// started; Pool stays what its process is named after.
	Serves string      `json:"serves,omitempty"`
	State  WorkerState `json:"state"`
	PID    int         `json:"pid"`
	// StartTime is the process's start time as the kernel tells it: clock ticks
	// since boot on Linux. With PID and BootID it names one process for ever.
	StartTime uint64 `json:"start_time"`
	BootID    string `json:"boot_id"`
	// TokenHash is the hex SHA-256 of the secret the worker was handed at start.
	TokenHash  string    `json:"token_hash"`
	LaunchHash string    `json:"launch_hash"`
	Revision   uint64    `json:"revision"`
	StartedAt  time.Time `json:"started_at"`
	// Start is how it began: StartFork or StartSpawn.
	Start string `json:"start,omitempty"`
	// Spec and Runtime are what the worker was launched with, so that a
	// replacement can be started from the same launch hash.
	Spec    Pool    `json:"spec"`
	Runtime Runtime `json:"runtime"`
	// Inherited are the resource limits that it was started with, before those of its
	// pool: what it gets back when its pool sets none any more.
	Inherited Rlimits `json:"inherited,omitzero"`
}

// Address returns the worker's address, pool.api/3.
func (w *Worker) Address() string { return WorkerAddress(w.Pool, w.Place) }

// Home returns the address of the pool that the worker serves.
func (w *Worker) Home() string {
	if w.Serves != "" {
		return w.Serves
	}
	return w.Pool
}

// Revision is one accepted spec. Its spec comes last, so that the head can be read
// without it.
type Revision struct {
	Number uint64         `json:"number"`
	Status RevisionStatus `json:"status"`
	// By says who applied it: user@host.
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Message string    `json:"message,omitempty"`
	// Git is where the configuration was read from, nil when it was in no repository.
	Git *Git `json:"git,omitempty"`
	// Touched lists the addresses that this revision changed.
	Touched []string `json:"touched"`
	Desired Desired  `json:"desired"`
}

// RevisionHead is a Revision without its spec.
type RevisionHead struct {
	Number  uint64         `json:"number"`
	Status  RevisionStatus `json:"status"`
	By      string         `json:"by"`
	At      time.Time      `json:"at"`
	Message string         `json:"message,omitempty"`
	Git     *Git           `json:"git,omitempty"`
	Touched []string       `json:"touched"`
}

// Head returns the revision without its spec.
func (r *Revision) Head() RevisionHead {
	return RevisionHead{Number: r.Number, Status: r.Status, By: r.By, At: r.At, Message: r.Message, Git: r.Git, Touched: r.Touched}
}

// RevisionStatus says how far a revision came.
type RevisionStatus string

// The states of a revision.
const (
	RevisionInProgress RevisionStatus = "in_progress"
	RevisionStable     RevisionStatus = "stable"
	RevisionFailed     RevisionStatus = "failed"
	RevisionPartial    RevisionStatus = "partial"
	// RevisionReverted: a roll to it failed, and the revision after it says what runs.
	RevisionReverted RevisionStatus = "reverted"
)

// Event is one line of the machine-readable course of an operation. Fields are
// only ever added.
type Event struct {
	V    int       `json:"v"`
	Seq  uint64    `json:"seq"`
	TS   time.Time `json:"ts"`
	Type string    `json:"type"`
	Op   string    `json:"op,omitempty"`
	Addr string    `json:"addr,omitempty"`
	Msg  string    `json:"msg,omitempty"`
	// Data holds what the type documents.
	Data map[string]any `json:"data,omitempty"`
}

// The types of operation events.
const (
	EventOpAccepted      = "op_accepted"
	EventPreflightStart  = "preflight_start"
	EventPreflightOK     = "preflight_ok"     // data: ms
	EventPreflightFailed = "preflight_failed" // data: error (CallError), ms
	EventRuntimeBuilding = "runtime_building" // data: phase, done, total, package
	EventRuntimeReady    = "runtime_ready"    // data: ms, built
	EventRuntimeFailed   = "runtime_failed"   // data: error (CallError), ms
	EventStepStart       = "step_start"
	EventStepProgress    = "step_progress" // data: done, total, failed
	EventStepOK          = "step_ok"       // data: ms
	EventStepFailed      = "step_failed"   // data: reason
	EventWorkerStarting  = "worker_starting"
	EventWorkerReady     = "worker_ready"
	EventWorkerHealthy   = "worker_healthy"
	EventWorkerDraining  = "worker_draining"
	EventWorkerStopped   = "worker_stopped"
	// What follows tells of the rollout of a pool; msg is the reason.
	EventCanaryWaiting    = "canary_waiting"
	EventCanaryPromoted   = "canary_promoted"
	EventRolloutPaused    = "rollout_paused"
	EventRolloutResumed   = "rollout_resumed"
	EventRolloutFailure   = "rollout_failure" // one of max_failures
	EventRolloutReverting = "rollout_reverting"
	EventRolloutReverted  = "rollout_reverted"
	EventRolloutComplete  = "rollout_complete"
	EventDiagnostic       = "diagnostic"
	EventOpComplete       = "op_complete" // data: Outcome
)

// ReasonStopped is the reason of the steps that a request to stop the operation ended.
const ReasonStopped = "stopped by request"

// Outcome is the data of op_complete: how an apply ended.
type Outcome struct {
	// Result is converged, unchanged, failed (nothing changed), reverted, mixed, stale,
	// conflict or interrupted.
	Result   string `json:"result"`
	Revision uint64 `json:"revision"`
	// Done, Failed and NotAttempted list addresses.
	Done         []string `json:"done"`
	Failed       []string `json:"failed"`
	NotAttempted []string `json:"not_attempted"`
	// Reverted lists the addresses that failed and run their former code again.
	Reverted []string `json:"reverted,omitempty"`
	// CallsFailed counts calls that failed on the touched pools meanwhile because
	// their worker went away.
	CallsFailed uint64 `json:"calls_failed"`
	MS          int64  `json:"ms"`
	Message     string `json:"message,omitempty"`
}

// The results of an operation.
const (
	ResultConverged   = "converged"
	ResultUnchanged   = "unchanged"
	ResultFailed      = "failed"
	ResultMixed       = "mixed"
	ResultReverted    = "reverted"
	ResultStale       = "stale"
	ResultConflict    = "conflict"
	ResultInterrupted = "interrupted"
)
