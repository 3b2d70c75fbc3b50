package pool

import (
	"encoding/json"
	"time"
)

// Status is what `snakectl status --json` prints. Fields are only ever added.
type Status struct {
	Supervisor SupervisorStatus `json:"supervisor"`
	Revision   uint64           `json:"revision"`
	Pools      []PoolStatus     `json:"pools"`
}

// SupervisorStatus tells who answers.
type SupervisorStatus struct {
	PID       int       `json:"pid"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
	Instance  string    `json:"instance"`
	Lineage   string    `json:"lineage"`
	// Replaced counts how often the image of the process was replaced in place.
	Replaced int `json:"replaced"`
	// Notice is a sentence that every reader should see, such as that the state
	// was restored from a backup. Usually empty.
	Notice string `json:"notice,omitempty"`
}

// PoolStatus is one pool as it runs.
type PoolStatus struct {
	Address string `json:"address"`
	Profile string `json:"profile"`
	// Python is the version of the interpreter that new workers start, with a t for a
	// build without the GIL, and GIL whether it is on: "on" or "off". A module can turn
	// it on in a build without one.
	Python  string `json:"python,omitempty"`
	GIL     string `json:"gil,omitempty"`
	Default bool   `json:"default,omitempty"`
	// Size is how many workers the pool should have now, overrides included.
	Size int `json:"size"`
	// Ready counts workers that could take a call or are executing one.
	Ready int `json:"ready"`
	// Slots counts the slots of all workers that have a process, ready or not.
	Slots int `json:"slots"`
	// Busy counts slots that execute a call, Available those that wait for one.
	Busy      int `json:"busy"`
	Available int `json:"available"`
	// Queued counts calls that wait for a slot.
	Queued   int            `json:"queued"`
	Calls    CallCounts     `json:"calls"`
	Restarts int            `json:"restarts"`
	Recycles int            `json:"recycles"`
	Workers  []WorkerStatus `json:"workers"`
	// Paused is set while the pool takes no call from its queue.
	Paused *Pause `json:"paused,omitempty"`
	// Breaker is set where breaker.failures is.
	Breaker *BreakerStatus `json:"breaker,omitempty"`
	// Message says what is wrong: why a roll stopped or a place stays empty, or which
	// command kills the pool's workers.
	Message string `json:"message,omitempty"`
	// ForkServer is the process that forks the pool's workers, 0 for none.
	ForkServer int `json:"fork_server,omitempty"`
	// Spawned says why workers are spawned though the pool would have them forked,
	// empty while they are not.
	Spawned string `json:"spawned,omitempty"`
}

// What a pool's status says of the GIL.
const (
	GILOn  = "on"
	GILOff = "off"
)

// CallCounts counts finished calls by how they ended; each call is counted once,
// in exactly one field, when its caller has been answered or is gone.
type CallCounts struct {
	// OK calls returned a result.
	OK uint64 `json:"ok"`
	// Failed calls raised, could not be encoded, or lost their worker.
	Failed uint64 `json:"failed"`
	// Timeout calls passed their deadline, waiting or executing.
	Timeout uint64 `json:"timeout"`
	// Rejected calls found the queue full or no worker that could ever serve them, were
	// too large, or their caller may not make them.
	Rejected uint64 `json:"rejected"`
	// QueueTimeout calls waited longer than queue.timeout.
	QueueTimeout uint64 `json:"queue_timeout"`
	// Cancelled calls were given up by their caller.
	Cancelled uint64 `json:"cancelled"`
	// Retried counts executions, not calls: those of a call beyond its first.
	Retried uint64 `json:"retried"`
}

// WorkerStatus is one worker, or a place that has none.
type WorkerStatus struct {
	Address     string      `json:"address"`
	Incarnation string      `json:"incarnation,omitempty"`
	PID         int         `json:"pid,omitempty"`
	State       WorkerState `json:"state"`
	// Slots counts the calls that it can execute at one time, Busy those that it does.
	Slots int `json:"slots"`
	Busy  int `json:"busy"`
	// Calls counts the calls this worker finished.
	Calls      uint64     `json:"calls"`
	RSSBytes   int64      `json:"rss_bytes"`
	LaunchHash string     `json:"launch_hash,omitempty"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	// Start is how it began: fork or spawn.
	Start string `json:"start,omitempty"`
	// Paused is set while the worker's place gets no new calls.
	Paused *Pause `json:"paused,omitempty"`
	// Unresponsive: it has not answered health.misses checks in a row. While it
	// executes a call that is inside its deadline, that is only shown.
	Unresponsive bool `json:"unresponsive,omitempty"`
	// OldestCallMS is for how long it has executed the oldest call that it has.
	OldestCallMS int64 `json:"oldest_call_ms,omitempty"`
	// Progress is how far the calls have come that it executes and that told so.
	Progress []CallProgress `json:"progress,omitempty"`
	// Message tells why a place is quarantined or waits, or how its last worker died.
	Message string `json:"message,omitempty"`
	// LastDeath says how the last worker of this place died since the supervisor
	// started; nil when none did.
	LastDeath *Death `json:"last_death,omitempty"`
}

// CallProgress is how far a handler says that its call has come.
type CallProgress struct {
	// Call is the id of the call, in hexadecimal, Command its command.
	Call    string `json:"call"`
	Command string `json:"command"`
	// Done is how much is done, of Total, which is 0 where the handler does not know.
	Done  float64 `json:"done"`
	Total float64 `json:"total,omitempty"`
	// Note is what the handler adds, in its words.
	Note string `json:"note,omitempty"`
}

// CommandInfo describes one command of an adapter.
type CommandInfo struct {
	Name string `json:"name"`
	// Signature is the Python text, for people: "(name: str, tone: str = 'plain') -> str".
	Signature string `json:"signature"`
	Doc       string `json:"doc,omitempty"`
	// TimeoutMS is the command's own timeout; 0 for the pool's.
	TimeoutMS  int64 `json:"timeout_ms,omitempty"`
	Idempotent bool  `json:"idempotent,omitempty"`
	// Schema holds the JSON Schema of the arguments by name, "arguments", and of the
	// result where its hint has one, "result". It is missing where the commands of the
	// adapter are too many to announce it.
	Schema json.RawMessage `json:"schema,omitempty"`
}
