// Package supervisor runs the workers of one instance: it starts and replaces
// them, hands calls to them, carries out plans and remembers all of it in the
// state file.
//
// Each piece of changing state has one owner. A pool loop, one goroutine for each
// pool, owns the pool's lifecycle.Machine and its table of workers; it carries out
// the machine's commands and feeds it with what happens. A dispatcher, one for
// each pool, holds the calls, the slots and the queue behind one leaf mutex,
// because a call cannot afford to change goroutines; the pool loop adds and takes
// slots. The keeper is the only caller of the store. An operation is one apply,
// carried out by a goroutine of its own.
//
// A call's bytes travel so: the reader of the client's connection writes the frame
// to the worker's socket itself, and the reader of the worker's connection writes
// the answer to the client's. Neither ever waits for a peer that does not read.
package supervisor
