// Package logs knows the files that workers write to: where each incarnation's log
// is, how it is kept within bounds, and how its lines are read while it grows. Who
// writes them and who may read them is the business of others.
//
// One incarnation's log is LOGS/ADDRESS/PLACE/STARTED@INCARNATION.log, so that names
// sort by age. What was set aside while the worker ran stands beside it, numbered
// from the oldest (….1.log), and so do the stacks that it was last asked for
// (….stacks) and, once it is gone, how it ended (….end).
//
// The files themselves are the state: all functions may be called at the same time,
// but a log is set aside by one goroutine alone.
package logs
