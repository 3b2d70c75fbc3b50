// Command snakectl declares pools of Python workers in HCL, plans what would
// change in the running system, applies it without dropping a call, and runs
// commands on the workers.
//
// The program is the type App, which a test can run in its own process; main only
// turns its result into an exit code. Every command has its own file, cmd_NAME.go:
// an options struct, a constructor that binds the flags and a run method. Files
// called view_NAME.go turn values into text and do nothing else.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// version and commit are set by the linker (-X main.version=…).
var (
	version = "0.1.0-dev"
	commit  = ""
)

// Garbage collection of a command and of the daemon, in percent of the live heap. A
// command ends in milliseconds and never holds much: collecting a small heap again
// and again was a quarter of the processor time of a plan of 100 pools. A supervisor
// that runs in this process sets the daemon's.
const (
	commandGC = 400
	daemonGC  = 100
)

// collectAt sets the percentage, unless the user has set one by GOGC.
func collectAt(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

func main() {
	collectAt(commandGC)
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	app := NewApp(version, interrupts)
	app.Commit = commit
	os.Exit(app.Run(context.Background(), os.Args[1:]))
}
