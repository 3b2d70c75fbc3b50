// Package lifecycle is the pure machine of one pool: it decides which workers
// start, drain, are signalled or killed, and when. Events and the time go in,
// commands come out; it starts no process, holds no socket and reads no clock, so
// a simulator drives the very machine that the supervisor runs.
//
// A pool has numbered places. A place holds a launch hash and has at most one
// serving worker and one replacement on its way. Replacing a worker, whatever the
// reason (another launch hash, age, memory, a recycle by hand), is always the same: the
// replacement of the place becomes ready and healthy, then the former drains. The
// replacement of a worker that may take only so many calls waits, ready and outside
// the rotation, until that one has finished its last. A
// place keeps its launch hash until a replacement with another one is healthy, so
// a half-finished roll is its own record of how far it came, and a crash in the
// middle restarts what the place was holding.
package lifecycle
