// Package dispatch decides what becomes of the calls of a pool where an execution
// failed or nobody knows how it ended: whether a Breaker lets a call in, whether a
// failed one is executed again (RetryPolicy), and whether one that was made through a
// former supervisor may have been executed (Testimony).
//
// It is pure: the dispatcher and the ledger of internal/supervisor hold the calls, read
// the clocks and act, and test/sim holds these decisions against made-up histories.
package dispatch
