package event

import (
	"encoding/json"
	"maps"
	"slices"
)

// Type implements Body.
func (WorkerStarted) Type() string { return "worker.started" }

// Type implements Body.
func (WorkerInitialized) Type() string { return "worker.initialized" }

// Type implements Body.
func (WorkerReady) Type() string { return "worker.ready" }

// Type implements Body.
func (WorkerRecycled) Type() string { return "worker.recycled" }

// Type implements Body.
func (WorkerCrashed) Type() string { return "worker.crashed" }

// Type implements Body.
func (WorkerQuarantined) Type() string { return "worker.quarantined" }

// Type implements Body.
func (WorkerHealthCheckFailed) Type() string { return "worker.health_check_failed" }

// Type implements Body.
func (WorkerGilEnabled) Type() string { return "worker.gil_enabled" }

// Type implements Body.
func (WorkerUnsafeWrite) Type() string { return "worker.unsafe_write" }

// Type implements Body.
func (WorkerAdopted) Type() string { return "worker.adopted" }

// Type implements Body.
func (WorkerStopped) Type() string { return "worker.stopped" }

// Type implements Body.
func (WorkerPaused) Type() string { return "worker.paused" }

// Type implements Body.
func (WorkerResumed) Type() string { return "worker.resumed" }

// Type implements Body.
func (PoolReady) Type() string { return "pool.ready" }

// Type implements Body.
func (PoolDegraded) Type() string { return "pool.degraded" }

// Type implements Body.
func (PoolPaused) Type() string { return "pool.paused" }

// Type implements Body.
func (PoolResumed) Type() string { return "pool.resumed" }

// Type implements Body.
func (PoolPoisoned) Type() string { return "pool.poisoned" }

// Type implements Body.
func (PoolForkRefused) Type() string { return "pool.fork_refused" }

// Type implements Body.
func (PoolCapacityReached) Type() string { return "pool.capacity_reached" }

// Type implements Body.
func (PoolSaturated) Type() string { return "pool.saturated" }

// Type implements Body.
func (PoolBreakerOpened) Type() string { return "pool.breaker_opened" }

// Type implements Body.
func (PoolBreakerHalfOpened) Type() string { return "pool.breaker_half_opened" }

// Type implements Body.
func (PoolBreakerClosed) Type() string { return "pool.breaker_closed" }

// Type implements Body.
func (RequestExecuted) Type() string { return "request.executed" }

// Type implements Body.
func (RequestTimedOut) Type() string { return "request.timed_out" }

// Type implements Body.
func (RequestRejected) Type() string { return "request.rejected" }

// Type implements Body.
func (RequestCancelled) Type() string { return "request.cancelled" }

// Type implements Body.
func (RequestProgress) Type() string { return "request.progress" }

// Type implements Body.
func (OperationStarted) Type() string { return "operation.started" }

// Type implements Body.
func (OperationStep) Type() string { return "operation.step" }

// Type implements Body.
func (OperationCompleted) Type() string { return "operation.completed" }

// decoders has one function for each kind of event.
var decoders = map[string]func([]byte) (Body, error){
	WorkerStarted{}.Type():           decode[WorkerStarted],
	WorkerInitialized{}.Type():       decode[WorkerInitialized],
	WorkerReady{}.Type():             decode[WorkerReady],
	WorkerRecycled{}.Type():          decode[WorkerRecycled],
	WorkerCrashed{}.Type():           decode[WorkerCrashed],
	WorkerQuarantined{}.Type():       decode[WorkerQuarantined],
	WorkerHealthCheckFailed{}.Type(): decode[WorkerHealthCheckFailed],
	WorkerGilEnabled{}.Type():        decode[WorkerGilEnabled],
	WorkerUnsafeWrite{}.Type():       decode[WorkerUnsafeWrite],
	WorkerAdopted{}.Type():           decode[WorkerAdopted],
	WorkerStopped{}.Type():           decode[WorkerStopped],
	WorkerPaused{}.Type():            decode[WorkerPaused],
	WorkerResumed{}.Type():           decode[WorkerResumed],
	PoolReady{}.Type():               decode[PoolReady],
	PoolDegraded{}.Type():            decode[PoolDegraded],
	PoolPaused{}.Type():              decode[PoolPaused],
	PoolResumed{}.Type():             decode[PoolResumed],
	PoolPoisoned{}.Type():            decode[PoolPoisoned],
	PoolForkRefused{}.Type():         decode[PoolForkRefused],
	PoolCapacityReached{}.Type():     decode[PoolCapacityReached],
	PoolSaturated{}.Type():           decode[PoolSaturated],
	PoolBreakerOpened{}.Type():       decode[PoolBreakerOpened],
	PoolBreakerHalfOpened{}.Type():   decode[PoolBreakerHalfOpened],
	PoolBreakerClosed{}.Type():       decode[PoolBreakerClosed],
	RequestExecuted{}.Type():         decode[RequestExecuted],
	RequestTimedOut{}.Type():         decode[RequestTimedOut],
	RequestRejected{}.Type():         decode[RequestRejected],
	RequestCancelled{}.Type():        decode[RequestCancelled],
	RequestProgress{}.Type():         decode[RequestProgress],
	OperationStarted{}.Type():        decode[OperationStarted],
	OperationStep{}.Type():           decode[OperationStep],
	OperationCompleted{}.Type():      decode[OperationCompleted],
}

func decode[B Body](data []byte) (Body, error) {
	var b B
	err := json.Unmarshal(data, &b)
	return b, err
}

// Kinds returns the kinds of events there are, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(decoders)) }
