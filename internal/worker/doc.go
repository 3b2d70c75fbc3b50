// Package worker knows one Python process from the outside: how it is started,
// which process it is beyond doubt, how it is signalled, how it ended and what it
// left behind. It knows no pool, queue or call.
//
// One Reaper owns every wait of the supervisor's process: it is a subreaper, so
// whatever the workers' own children leave behind ends at it. Nothing else in that
// process may wait for a child (os/exec included): wait4(-1) would take its status.
package worker
