package pool

// Retry says which calls are executed again.
type Retry struct {
	// Attempts is how often a call is executed in all; 1 is no retry.
	Attempts int `json:"attempts"`
	// On lists the categories of failures after which it is.
	On      []string `json:"on"`
	Backoff Duration `json:"backoff"`
}

// Breaker says when a pool that fails takes no calls for a while. Zero failures is
// off.
type Breaker struct {
	Failures int      `json:"failures"`
	Reset    Duration `json:"reset"`
	HalfOpen int      `json:"half_open"`
}

// BreakerState is what a breaker does with calls.
type BreakerState string

// The states of a breaker.
const (
	// BreakerClosed: calls pass.
	BreakerClosed BreakerState = "closed"
	// BreakerOpen: calls are refused until reset is over.
	BreakerOpen BreakerState = "open"
	// BreakerHalfOpen: some calls pass on trial, the others are refused.
	BreakerHalfOpen BreakerState = "half_open"
)

// BreakerStatus is the breaker of a pool that has one.
type BreakerStatus struct {
	State BreakerState `json:"state"`
	// Failures counts the executions that failed in a row, Last the category of the
	// last one.
	Failures int      `json:"failures"`
	Last     Category `json:"last,omitempty"`
	// RetryAfterMS is how long an open breaker still refuses calls.
	RetryAfterMS int64 `json:"retry_after_ms,omitempty"`
}

// What a queue does with a call that finds it full.
const (
	OverflowReject     = "reject"
	OverflowBlock      = "block"
	OverflowDropOldest = "drop_oldest"
)

// In which order a queue gives its calls to workers.
const (
	QueueFIFO     = "fifo"
	QueuePriority = "priority"
)
