// Package chaos breaks a real supervisor with real workers, on purpose and by a
// schedule, while callers use it, and judges afterwards whether what happened may
// happen.
//
// [Plan] makes the schedule: a pure function of a seed and a length, so that a
// seed that failed can be played again. How far the system has come when a fault
// strikes is not under its control: the same schedule is not the same history, as
// a simulation (test/sim) would be, and a replay may have to be repeated.
//
// [Run] builds a private instance, carries the schedule out beside the load, ends
// the faults and waits until everything has healed. Every execution of a command
// appends a line to a log, in one write, before it does anything else. [Judge]
// holds that log against what the callers were told; the rest of the oracle looks
// at the supervisor's lives, its counters, its descriptors and its files.
package chaos
