// Package code finds the files that belong to an adapter, names them by their
// content, and keeps content-addressed copies of them, so that a worker imports
// the code that was applied and never what somebody has edited since.
//
// A Scanner describes code (command line, while planning); a Store keeps it
// (supervisor, on apply). The package knows files alone: it neither parses nor
// runs Python.
package code
