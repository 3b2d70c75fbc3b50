// Package event tells what happens in a running instance: each kind of event is a
// type with documented fields, and a Hub hands events to whoever subscribed.
//
// A subscriber has a bounded queue. One that reads too slowly loses the oldest
// events and is told how many; nobody ever waits for it. Events of requests are
// made for subscribers alone: without one they cost an atomic read. All others are
// also kept for a while, so that somebody can ask what happened lately.
package event
