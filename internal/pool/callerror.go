package pool

import "fmt"

// Category says what kind of thing went wrong with a call; programs branch on
// it. The exit code of `snakectl exec` follows from it alone.
type Category string

// The categories of call errors.
const (
	// CategoryRaised: the handler raised, or returned what cannot be encoded.
	CategoryRaised Category = "raised"
	// CategoryInvalidArgument: the arguments are not JSON or do not fit the signature.
	CategoryInvalidArgument Category = "invalid_argument"
	// CategoryTooLarge: a body exceeds the cap.
	CategoryTooLarge Category = "too_large"
	// CategoryDeadline: the deadline passed.
	CategoryDeadline Category = "deadline_exceeded"
	// CategorySaturated: the queue was full.
	CategorySaturated Category = "saturated"
	// CategoryQueueTimeout: no slot came free within queue.timeout.
	CategoryQueueTimeout Category = "queue_timeout"
	// CategoryUnknownPool: there is no such pool.
	CategoryUnknownPool Category = "unknown_pool"
	// CategoryUnknownCommand: the adapter has no such command.
	CategoryUnknownCommand Category = "unknown_command"
	// CategoryWorkerDied: the worker exited while it executed the call.
	CategoryWorkerDied Category = "worker_died"
	// CategoryUnavailable: no worker of the pool can serve, or the supervisor stops.
	CategoryUnavailable Category = "unavailable"
	// CategoryCancelled: the caller gave up.
	CategoryCancelled Category = "cancelled"
	// CategoryDenied: the caller may not do this.
	CategoryDenied Category = "denied"
	// CategoryProtocol: a peer broke the protocol.
	CategoryProtocol Category = "protocol"
	// CategoryInternal: a mistake of ours.
	CategoryInternal Category = "internal"
)

// CallError is what a failed call carries to its caller; it is the payload of an
// ERROR frame and the "error" of the HTTP gateway. Fields are only ever added.
type CallError struct {
	// Code is the gRPC status number of the category.
	Code     int      `json:"code"`
	Category Category `json:"category"`
	// Origin is client, supervisor or worker.
	Origin string `json:"origin"`
	// Type is the Python class of a raised exception, qualified unless builtin.
	Type    string `json:"type,omitempty"`
	Message string `json:"message"`
	// Traceback is Python's text, cut to 64 KiB.
	Traceback string `json:"traceback,omitempty"`
	// Notes are what add_note added to a raised exception.
	Notes []string `json:"notes,omitempty"`
	// Causes are the exceptions that a raised one comes from, the nearest first.
	Causes []Cause `json:"causes,omitempty"`
	// Frames are the user's frames of the traceback, the innermost last.
	Frames []Frame `json:"frames,omitempty"`
	// Hint says what to do next.
	Hint string `json:"hint,omitempty"`
	// Started is false when the handler provably never began.
	Started bool `json:"started"`
	// Retryable says that the same call may succeed later.
	Retryable bool `json:"retryable"`
	// Worker is the incarnation that served the call: pool.api/0@7f2c.
	Worker string `json:"worker,omitempty"`
	// Exit says how a worker died: "exited with status 3" or "was killed by SIGSEGV
	// (segmentation fault)".
	Exit string `json:"exit,omitempty"`
	// Stderr holds the last lines a dead worker wrote.
	Stderr string `json:"stderr,omitempty"`
	// Death is all that is known of how the worker died.
	Death *Death `json:"death,omitempty"`
	// QueueNS is how long the call waited for a slot, in nanoseconds.
	QueueNS int64 `json:"queue_ns,omitempty"`
	// Attempts is how often the call was executed, where that is more than once.
	Attempts int `json:"attempts,omitempty"`
	// RetryAfterMS is when the caller may come again, in milliseconds, where that is
	// known.
	RetryAfterMS int64 `json:"retry_after_ms,omitempty"`
}

// Cause is an exception that another one comes from.
type Cause struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// Error returns the message with what names its place.
func (e *CallError) Error() string {
	text := e.Message
	if e.Type != "" {
		text = fmt.Sprintf("%s: %s", e.Type, e.Message)
	}
	if e.Worker != "" {
		text = fmt.Sprintf("%s: %s", e.Worker, text)
	}
	return text
}

// CodeOf returns the gRPC status number of a category.
func CodeOf(c Category) int {
	switch c {
	case CategoryCancelled:
		return 1
	case CategoryRaised:
		return 2
	case CategoryInvalidArgument:
		return 3
	case CategoryDeadline:
		return 4
	case CategoryUnknownPool:
		return 5
	case CategoryDenied:
		return 7
	case CategorySaturated, CategoryQueueTimeout, CategoryTooLarge:
		return 8
	case CategoryUnknownCommand:
		return 12
	case CategoryProtocol, CategoryInternal:
		return 13
	case CategoryUnavailable, CategoryWorkerDied:
		return 14
	}
	return 13
}

// NewCallError returns an error of the supervisor's own with the category's code.
func NewCallError(c Category, format string, args ...any) *CallError {
	return &CallError{Code: CodeOf(c), Category: c, Origin: "supervisor", Message: fmt.Sprintf(format, args...)}
}
