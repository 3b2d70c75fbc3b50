// Package wire is what crosses the sockets of an instance: frames, the envelope
// of a call and of its result, the hello of a connection, and the sockets
// themselves. docs/reference/wire.md is its specification; the vectors in
// testdata are shared with the Python implementation.
//
// It is not a client and not a server: it knows no pool, no queue and no life
// cycle, and it starts no goroutine but the one that drains an [Outbox]. Whoever
// reads a frame with a [Reader] may rewrite its stream id and deadline in place
// and hand the same bytes to another connection's Outbox.
package wire
