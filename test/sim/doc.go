// Package sim runs the machines that decide, against a world that is made up: a
// clock that jumps, workers that start slowly, crash, hang and lose their
// connections, callers, a disk, and a supervisor that is killed in the middle of
// everything. One history is one seed and one goroutine; equal seeds give equal
// histories, event by event.
//
// The machine of a pool (internal/lifecycle), the planner (internal/planner) and what
// decides on calls that failed or whose supervisor is gone (internal/dispatch) are the
// real ones. The edge around them, which in the product is
// internal/supervisor with its sockets, processes and timers, is a model that
// follows it: the order of its messages, what it records and when, what it gives
// up in a crash. The oracle sees every event, command and answer, and names the
// invariant that a history breaks.
//
// Run plays one seed, Campaign many, Replay one with its trace. The command in
// test/sim/cmd is what make sim runs.
package sim
