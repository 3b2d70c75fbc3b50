package main

import (
	"context"
	"errors"
	"log/slog"
)

// supervisorConfig is what the daemon needs to know.
type supervisorConfig struct {
	// Instance is the absolute directory; it exists.
	Instance string
	Version  string
	Log      *slog.Logger
	// Ready is called once, when the socket answers.
	Ready func()
}

// runSupervisor serves the instance until ctx ends and everything has drained.
func runSupervisor(_ context.Context, _ supervisorConfig) error {
	return errors.New("this build has no supervisor")
}
