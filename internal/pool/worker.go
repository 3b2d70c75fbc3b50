package pool

import "fmt"

// WorkerState is where a worker is in its life. Busy is derived from the calls
// in flight when a status is made; it is never stored.
type WorkerState string

// The states of a worker, in the order of a life without trouble.
const (
	// WorkerStarting: the process is about to exist.
	WorkerStarting WorkerState = "starting"
	// WorkerHandshaking: the process exists and has not said hello.
	WorkerHandshaking WorkerState = "handshaking"
	// WorkerInitializing: it said hello and imports the adapter.
	WorkerInitializing WorkerState = "initializing"
	// WorkerReady: it imported, initialised and answered a health check.
	WorkerReady WorkerState = "ready"
	// WorkerBusy: ready, and executing a call. Only ever shown.
	WorkerBusy WorkerState = "busy"
	// WorkerAdopting: it was started by a former supervisor and has not yet
	// proved to this one who it is.
	WorkerAdopting WorkerState = "adopting"
	// WorkerDraining: it gets no new call and finishes the one it has.
	WorkerDraining WorkerState = "draining"
	// WorkerStopping: it was told to exit, or was signalled.
	WorkerStopping WorkerState = "stopping"
	// WorkerExited: the process is gone.
	WorkerExited WorkerState = "exited"
	// WorkerQuarantined is the state of a place that has no worker because the
	// ones before died too often.
	WorkerQuarantined WorkerState = "quarantined"
)

// WorkerEvent is something that happens to a worker.
type WorkerEvent string

// The events of a worker's life.
const (
	WorkerSpawned  WorkerEvent = "spawned"  // the process exists
	WorkerHello    WorkerEvent = "hello"    // its control connection said hello
	WorkerAnswered WorkerEvent = "answered" // initialised, slot connected, health answered
	WorkerDrain    WorkerEvent = "drain"    // no new calls for it
	WorkerStop     WorkerEvent = "stop"     // told to exit
	WorkerLost     WorkerEvent = "lost"     // its connections broke while the process lives
	WorkerReturned WorkerEvent = "returned" // it reconnected and proved who it is
	WorkerExit     WorkerEvent = "exit"     // the process is gone
)

// Next returns the state that event leads to from s. An error means that the
// event cannot happen in s: a mistake in the program that feeds it.
func (s WorkerState) Next(event WorkerEvent) (WorkerState, error) {
	if event == WorkerExit && s != WorkerQuarantined {
		return WorkerExited, nil
	}
	switch s {
	case WorkerStarting:
		switch event {
		case WorkerSpawned:
			return WorkerHandshaking, nil
		case WorkerStop:
			return WorkerStopping, nil
		}
	case WorkerHandshaking, WorkerInitializing:
		switch event {
		case WorkerHello:
			return WorkerInitializing, nil
		case WorkerAnswered:
			return WorkerReady, nil
		case WorkerDrain, WorkerStop:
			return WorkerStopping, nil
		case WorkerLost:
			return s, nil
		}
	case WorkerReady:
		switch event {
		case WorkerDrain:
			return WorkerDraining, nil
		case WorkerStop:
			return WorkerStopping, nil
		case WorkerLost:
			return WorkerAdopting, nil
		case WorkerReturned:
			return WorkerReady, nil
		}
	case WorkerAdopting:
		switch event {
		case WorkerReturned:
			return WorkerReady, nil
		case WorkerDrain, WorkerStop:
			return WorkerStopping, nil
		case WorkerLost:
			return WorkerAdopting, nil
		}
	case WorkerDraining:
		switch event {
		case WorkerDrain, WorkerReturned:
			return WorkerDraining, nil
		case WorkerStop, WorkerLost:
			return WorkerStopping, nil
		}
	case WorkerStopping:
		switch event {
		case WorkerDrain, WorkerStop, WorkerLost, WorkerHello, WorkerAnswered, WorkerReturned:
			return WorkerStopping, nil
		}
	case WorkerBusy, WorkerExited, WorkerQuarantined:
	}
	return s, fmt.Errorf("internal error: a worker that is %s cannot take the event %q", s, event)
}

// Alive reports whether a process may exist in this state.
func (s WorkerState) Alive() bool {
	return s != WorkerExited && s != WorkerQuarantined && s != ""
}
