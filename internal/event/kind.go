package event

// Body is what one kind of event tells. The types of this package that end up in
// Kinds implement it, as values.
type Body interface {
	// Type returns the kind: "worker.ready".
	Type() string
	// Address returns the address of the pool that it is about, "" for none.
	Address() string
}

// OnWorker is what every event about a worker tells.
type OnWorker struct {
	// Pool is the address of the pool: pool.api.
	Pool string `json:"pool"`
	// Worker is the incarnation: pool.api/3@7f2c91d0.
	Worker string `json:"worker"`
	// PID is the process id.
	PID int `json:"pid"`
}

// Address implements Body.
func (e OnWorker) Address() string { return e.Pool }

// WorkerStarted tells that the process of a worker exists.
type WorkerStarted struct {
	OnWorker
	// LaunchHash names everything that it was started with.
	LaunchHash string `json:"launch_hash"`
	// Revision is the accepted configuration that it was started for.
	Revision uint64 `json:"revision"`
	// Trial is set for a worker that tries out a new launch hash before anything changes.
	Trial bool `json:"trial"`
	// Start is how the process was made: fork or spawn.
	Start string `json:"start"`
	// SpawnUS is how long making the process took, in microseconds; for the first
	// workers that are forked, with what their fork server imported.
	SpawnUS int64 `json:"spawn_us"`
}

// WorkerInitialized tells that a worker imported its adapter and ran its initialisation.
type WorkerInitialized struct {
	OnWorker
	// Python is the version of its interpreter.
	Python string `json:"python"`
	// Commands counts the commands that the adapter offers.
	Commands int `json:"commands"`
	// InitUS is the time since the process was started, in microseconds.
	InitUS int64 `json:"init_us"`
}

// WorkerReady tells that a worker takes calls, for the first time.
type WorkerReady struct {
	OnWorker
	// LaunchHash names everything that it was started with.
	LaunchHash string `json:"launch_hash"`
	// ReadyUS is the time since the process was started, in microseconds.
	ReadyUS int64 `json:"ready_us"`
}

// WorkerRecycled tells that a worker drains because a fresh one of the same launch
// hash takes over.
type WorkerRecycled struct {
	OnWorker
	// Replacement is the incarnation that took over, empty when it is not ready yet.
	Replacement string `json:"replacement"`
	// Reason says why: by hand, or which limit of lifecycle was reached.
	Reason string `json:"reason"`
	// Calls counts the calls that the old worker finished.
	Calls uint64 `json:"calls"`
	// AgeUS is how long the old worker has lived, in microseconds.
	AgeUS int64 `json:"age_us"`
}

// WorkerCrashed tells that a worker that nobody asked to end is gone, or had to be killed.
type WorkerCrashed struct {
	OnWorker
	// Incarnation is the last part of worker: 7f2c91d0.
	Incarnation string `json:"incarnation"`
	// Reason says in words how it ended, or why it was killed.
	Reason string `json:"reason"`
	// Class is exit, signal, segfault, abort, oom, killed or unknown.
	Class string `json:"class"`
	// Exit is the exit status or the signal, in words.
	Exit string `json:"exit"`
	// ExitCode is the exit status as a shell tells it: 128 and the number of the signal
	// where one ended it; -1 when it is unknown.
	ExitCode int `json:"exit_code"`
	// Signal is the name of the signal that ended it, such as SIGSEGV; left out without one.
	Signal string `json:"signal,omitempty"`
	// CoreDumped is set when it left a core file.
	CoreDumped bool `json:"core_dumped,omitempty"`
	// Killed is set when the supervisor killed it.
	Killed bool `json:"killed"`
	// Trial is set when it was only tried out, before an apply changes anything.
	Trial bool `json:"trial,omitempty"`
	// DuringCall is set when it executed a call.
	DuringCall bool `json:"during_call"`
	// Call is the id of that call, in hexadecimal, and left out without one.
	Call string `json:"call,omitempty"`
	// Command is the command of that call, left out when it is not known.
	Command string `json:"command,omitempty"`
	// RanUS is how long that call had run, in microseconds.
	RanUS int64 `json:"ran_us,omitempty"`
	// Calls counts the calls that it finished.
	Calls uint64 `json:"calls"`
	// AgeUS is how long it lived, in microseconds.
	AgeUS int64 `json:"age_us"`
	// UserUS is the processor time it used in its own code, in microseconds; 0 when unknown.
	UserUS int64 `json:"user_us"`
	// SystemUS is the processor time it used in the kernel, in microseconds; 0 when unknown.
	SystemUS int64 `json:"system_us"`
	// PeakRSSBytes is the most resident memory that it had; 0 when unknown.
	PeakRSSBytes int64 `json:"peak_rss_bytes"`
	// MemoryLimitBytes is the hard limit that was in force, left out without one.
	MemoryLimitBytes int64 `json:"memory_limit_bytes,omitempty"`
	// Stack is Python's stack at the end, left out where it wrote none.
	Stack string `json:"stack,omitempty"`
	// Stderr holds the last other lines that it wrote.
	Stderr string `json:"stderr,omitempty"`
	// Hint says where to look next; usually left out.
	Hint string `json:"hint,omitempty"`
}

// WorkerQuarantined tells that a place is not filled again because its workers failed too
// often. Worker is the address of the place, and there is no process.
type WorkerQuarantined struct {
	OnWorker
	// Reason says what failed, and how often.
	Reason string `json:"reason"`
}

// WorkerHealthCheckFailed tells that a worker without a call missed so many health
// checks that it is dumped, stopped and replaced.
type WorkerHealthCheckFailed struct {
	OnWorker
	// Reason says what it missed, and how often.
	Reason string `json:"reason"`
	// Calls counts the calls that it finished.
	Calls uint64 `json:"calls"`
	// AgeUS is how long it has lived, in microseconds.
	AgeUS int64 `json:"age_us"`
}

// WorkerGilEnabled tells that the GIL of a worker is on though its interpreter can do
// without. It stays on for the rest of the worker's life.
type WorkerGilEnabled struct {
	OnWorker
	// Modules names the extension modules that may have turned it on, with commas between
	// them; empty when it was on from the beginning.
	Modules string `json:"modules"`
}

// WorkerUnsafeWrite tells that two slots of a worker whose pool has check = true write one
// thing, and hold no common lock when they do.
type WorkerUnsafeWrite struct {
	OnWorker
	// Attribute names what is written: shop.Adapter.total.
	Attribute string `json:"attribute"`
	// Place is where the one slot writes it: "shop.py:12 in sell".
	Place string `json:"place"`
	// Other is where another slot does, which may be the same place.
	Other string `json:"other"`
}

// WorkerAdopted tells that a worker that a former supervisor started proved who it is and
// takes calls again.
type WorkerAdopted struct {
	OnWorker
	// LaunchHash names everything that it was started with.
	LaunchHash string `json:"launch_hash"`
	// AgeUS is how long it has lived, in microseconds.
	AgeUS int64 `json:"age_us"`
	// AfterUS is the time since this supervisor started, in microseconds.
	AfterUS int64 `json:"after_us"`
}

// WorkerStopped tells that a worker that was asked to end, or was of no use any more, is
// gone.
type WorkerStopped struct {
	OnWorker
	// Reason says in words how it ended.
	Reason string `json:"reason"`
	// Calls counts the calls that it finished.
	Calls uint64 `json:"calls"`
	// AgeUS is how long it lived, in microseconds.
	AgeUS int64 `json:"age_us"`
}

// WorkerPaused tells that the worker in a place, whichever it is, gets no new calls until
// it is resumed. Worker is the address of the place.
type WorkerPaused struct {
	OnWorker
	// By says who asked for it: user@host.
	By string `json:"by"`
}

// WorkerResumed tells that the worker in a paused place gets calls again. Worker is the
// address of the place.
type WorkerResumed struct {
	OnWorker
	// By says who asked for it: user@host.
	By string `json:"by"`
	// PausedUS is how long the place was paused, in microseconds.
	PausedUS int64 `json:"paused_us"`
}

// OnPool is what every event about a pool tells.
type OnPool struct {
	// Pool is the address of the pool: pool.api.
	Pool string `json:"pool"`
}

// Address implements Body.
func (e OnPool) Address() string { return e.Pool }

// PoolReady tells that every place of the pool has a ready worker, after it had not.
type PoolReady struct {
	OnPool
	// Size is how many workers the pool should have.
	Size int `json:"size"`
	// WaitUS is how long it was not ready, in microseconds.
	WaitUS int64 `json:"wait_us"`
}

// PoolDegraded tells that a pool that was ready has fewer ready workers than its size.
type PoolDegraded struct {
	OnPool
	// Size is how many workers the pool should have, Ready how many are ready.
	Size int `json:"size"`
	// Ready counts the workers that are ready.
	Ready int `json:"ready"`
	// Quarantined counts the places that are not filled again.
	Quarantined int `json:"quarantined"`
	// Reason says what happened to the last worker that is missing.
	Reason string `json:"reason"`
}

// PoolPaused tells that the pool gets no new calls until it is resumed.
type PoolPaused struct {
	OnPool
	// By says who asked for it: user@host.
	By string `json:"by"`
}

// PoolResumed tells that a paused pool gets calls again.
type PoolResumed struct {
	OnPool
	// By says who asked for it: user@host.
	By string `json:"by"`
	// PausedUS is how long it was paused, in microseconds.
	PausedUS int64 `json:"paused_us"`
}

// PoolPoisoned tells that one command has killed the last workers that it ran on, at
// least three in a row. The pool goes on serving the others, and this one too.
type PoolPoisoned struct {
	OnPool
	// Command is its name.
	Command string `json:"command"`
	// Deaths counts the workers.
	Deaths int `json:"deaths"`
	// Worker is the incarnation of the last one.
	Worker string `json:"worker"`
	// Class is the class of that death, as in worker.crashed.
	Class string `json:"class"`
	// Death says in a few words how that worker ended.
	Death string `json:"death"`
}

// PoolForkRefused tells that workers are spawned though the pool would have them
// forked: what they import makes forking unsafe.
type PoolForkRefused struct {
	OnPool
	// LaunchHash names everything that the workers are started with.
	LaunchHash string `json:"launch_hash"`
	// Reason says why, and names the module where it is known.
	Reason string `json:"reason"`
}

// PoolCapacityReached tells that every slot of the pool executes a call and another call has
// to wait. It is told at most once a second.
type PoolCapacityReached struct {
	OnPool
	// Capacity counts the slots that take calls.
	Capacity int `json:"capacity"`
	// Queued counts the calls that wait.
	Queued int `json:"queued"`
}

// PoolSaturated tells that the queue is full and a call was rejected. It is told at most
// once a second.
type PoolSaturated struct {
	OnPool
	// Capacity counts the slots that take calls.
	Capacity int `json:"capacity"`
	// Queued counts the calls that wait: queue.max.
	Queued int `json:"queued"`
	// Rejected counts the calls that the pool has rejected so far.
	Rejected uint64 `json:"rejected"`
}

// PoolBreakerOpened tells that so many executions failed in a row that the pool takes no
// calls for a while.
type PoolBreakerOpened struct {
	OnPool
	// Failures counts the executions that failed in a row.
	Failures int `json:"failures"`
	// Category says how the last one failed: worker_died, unavailable or
	// deadline_exceeded.
	Category string `json:"category"`
	// ResetUS is how long calls are refused, in microseconds.
	ResetUS int64 `json:"reset_us"`
}

// PoolBreakerHalfOpened tells that an open breaker lets the first call through on trial.
type PoolBreakerHalfOpened struct {
	OnPool
	// Trials is how many calls must succeed before all others are let through.
	Trials int `json:"trials"`
	// OpenUS is how long calls were refused, in microseconds.
	OpenUS int64 `json:"open_us"`
}

// PoolBreakerClosed tells that the calls on trial succeeded, and the pool takes all calls
// again.
type PoolBreakerClosed struct {
	OnPool
	// OpenUS is the time since the breaker opened, in microseconds.
	OpenUS int64 `json:"open_us"`
}
