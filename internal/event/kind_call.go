package event

// OnRequest is what every event about a call tells. Each call ends in exactly one
// of the request events, as it is counted in exactly one counter.
type OnRequest struct {
	// Pool is the address of the pool: pool.api.
	Pool string `json:"pool"`
	// Call is the id of the call, in hexadecimal.
	Call string `json:"call"`
	// Command is its name.
	Command string `json:"command"`
	// Worker is the incarnation that executed it, empty for none.
	Worker string `json:"worker,omitempty"`
	// Attempts is how often it was executed: more than once where retry says so.
	Attempts int `json:"attempts"`
	// QueueUS is how long the call waited for a slot, in microseconds.
	QueueUS int64 `json:"queue_us"`
	// TotalUS is the time from its arrival to its end, in microseconds.
	TotalUS int64 `json:"total_us"`
}

// Address implements Body.
func (e OnRequest) Address() string { return e.Pool }

// RequestExecuted tells that a call was executed to its end, or to its worker's.
type RequestExecuted struct {
	OnRequest
	// OK is set for a result.
	OK bool `json:"ok"`
	// Category says what kind of failure it was, empty for a result.
	Category string `json:"category,omitempty"`
	// Error is the message of the failure, empty for a result.
	Error string `json:"error,omitempty"`
	// ExecUS is the time from the moment a slot took the call, in microseconds.
	ExecUS int64 `json:"exec_us"`
}

// RequestTimedOut tells that the deadline of a call passed, or it waited longer than
// queue.timeout.
type RequestTimedOut struct {
	OnRequest
	// Category is deadline_exceeded or queue_timeout.
	Category string `json:"category"`
	// Started is set when a worker had begun with it.
	Started bool `json:"started"`
}

// RequestRejected tells that a call was not taken.
type RequestRejected struct {
	OnRequest
	// Category is saturated, unavailable or unknown_pool.
	Category string `json:"category"`
	// Reason says why, in words.
	Reason string `json:"reason"`
}

// RequestCancelled tells that the caller gave the call up.
type RequestCancelled struct {
	OnRequest
	// Started is set when a worker had begun with it.
	Started bool `json:"started"`
}

// RequestProgress tells how far a handler says that its call has come: about ten times a
// second at most.
type RequestProgress struct {
	// Pool is the address of the pool: pool.api.
	Pool string `json:"pool"`
	// Call is the id of the call, in hexadecimal.
	Call string `json:"call"`
	// Command is its name.
	Command string `json:"command"`
	// Worker is the incarnation that executes it.
	Worker string `json:"worker"`
	// Done is how much is done.
	Done float64 `json:"done"`
	// Total is how much there is to do, 0 where the handler does not know.
	Total float64 `json:"total"`
	// Note is what the handler adds, in its words, mostly empty.
	Note string `json:"note"`
}

// Address implements Body.
func (e RequestProgress) Address() string { return e.Pool }

// OnOperation is what every event about an operation tells.
type OnOperation struct {
	// Operation is its id: op-1f2e3d4c5b6a.
	Operation string `json:"operation"`
	// By says who asked for it: user@host.
	By string `json:"by"`
}

// Address implements Body: an operation is about many pools.
func (OnOperation) Address() string { return "" }

// OperationStarted tells that an apply or a recycle by hand began.
type OperationStarted struct {
	OnOperation
}

// OperationStep tells that an operation began or ended a step.
type OperationStep struct {
	OnOperation
	// Pool is what the step is about: pool.api, or settings.
	Pool string `json:"pool"`
	// Step is preflight_start, preflight_ok, preflight_failed, runtime_ready,
	// runtime_failed, step_start, step_ok or step_failed.
	Step string `json:"step"`
	// Reason says why a step failed; else it is the action.
	Reason string `json:"reason,omitempty"`
	// TookUS is how long a step that ended took, in microseconds; 0 for one that began.
	TookUS int64 `json:"took_us"`
}

// Address implements Body.
func (e OperationStep) Address() string { return e.Pool }

// OperationCompleted tells that an operation ended.
type OperationCompleted struct {
	OnOperation
	// Result is converged, unchanged, failed, mixed, stale, conflict or interrupted.
	Result string `json:"result"`
	// Reason is its message, usually empty.
	Reason string `json:"reason,omitempty"`
	// Revision is the accepted configuration after it.
	Revision uint64 `json:"revision"`
	// Done counts the addresses that it changed.
	Done int `json:"done"`
	// Failed counts those that it could not change.
	Failed int `json:"failed"`
	// NotAttempted counts those that it left alone after a failure.
	NotAttempted int `json:"not_attempted"`
	// CallsFailed counts the calls that failed meanwhile because their worker went away.
	CallsFailed uint64 `json:"calls_failed"`
	// TookUS is how long it took, in microseconds.
	TookUS int64 `json:"took_us"`
}
