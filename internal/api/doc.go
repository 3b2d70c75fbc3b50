// Package api serves an instance's supervisor.sock: frames for callers that want
// speed, HTTP/1.1 with JSON for the control plane and for curl. It turns requests
// into calls of a Backend and errors into statuses, and decides nothing else.
package api
