// Package load puts random load on several pools of one real supervisor and
// compares its counters with what the callers saw, call by call.
//
// Each call that reached the supervisor is counted once, by how it was settled.
// A caller that waits for the answer knows how: a result is ok; an error of
// category deadline is timeout, saturated is rejected, queue_timeout is
// queue_timeout, and every other one is failed. A caller that vanishes learns
// nothing: its call counts as cancelled, unless it was settled before the
// supervisor saw the caller leave, and then as whatever that was. So the counters
// exceed what the others saw by exactly the calls that were given up after they
// were sent. A call to a pool that does not exist is counted nowhere.
package load
