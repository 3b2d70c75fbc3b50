package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/api"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
	"github.com/snakectl/snakectl/internal/supervisor"
	"github.com/snakectl/snakectl/internal/wire"
	"github.com/snakectl/snakectl/python"
)

// supervisorConfig is what the daemon needs to know.
type supervisorConfig struct {
	// Instance is the absolute directory; it exists.
	Instance string
	Version  string
	// Executable is this program, which builds environments.
	Executable string
	// Attended says that it ends when standard input ends, as a later image has to know.
	Attended bool
	Log      *slog.Logger
	// TakeSettings is called with the settings that are in force.
	TakeSettings func(pool.Settings)
	// Ready is called once, when the socket answers.
	Ready func()
	// Replacing is called when the image of the process is about to be replaced.
	Replacing func()
}

// runSupervisor serves the instance until ctx ends and everything has drained.
func runSupervisor(ctx context.Context, cfg supervisorConfig) error {
	sdk, err := python.Extract(filepath.Join(cfg.Instance, "sdk"))
	if err != nil {
		return err
	}
	left, err := received()
	if err != nil {
		return err
	}
	sup, err := supervisor.Open(supervisor.Config{
		Inherited: left.supervisor(), Peer: api.PeerOf,
		Builder:  []string{cfg.Executable, "runtime", "build"},
		Instance: cfg.Instance, Version: cfg.Version, SDK: python.Entry(sdk), Log: cfg.Log, TakeSettings: cfg.TakeSettings,
	})
	if owned, ok := errors.AsType[*state.LockedError](err); ok {
		return &codedError{code: exitStale, err: owned}
	}
	if err != nil {
		return err
	}
	listener, err := left.listen(filepath.Join(cfg.Instance, "supervisor.sock"))
	if err != nil {
		return errors.Join(err, sup.Abandon())
	}
	held, err := left.connections()
	if err != nil {
		cfg.Log.Error("cannot go on with connections of the former image", "err", err)
	}
	sup.OnAccess(func(policy *access.Policy) { openSocket(cfg, listener, policy) })
	b := &backend{Supervisor: sup, cfg: cfg, listener: listener}
	server := api.New(b, cfg.Log)
	b.server = server
	server.Inherit(held)
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	var served sync.WaitGroup
	served.Go(func() {
		if err := server.Serve(serving, listener); err != nil {
			cfg.Log.Error("cannot accept clients", "err", err)
		}
	})
	cfg.Ready()
	err = sup.Run(ctx) // calls in flight end here, on connections that still exist
	stopServing()
	served.Wait()
	server.Close()
	if err != nil {
		return fmt.Errorf("the supervisor of %s ended: %w", cfg.Instance, err)
	}
	return nil
}

// backend lends a supervisor to the server of its socket.
type backend struct {
	*supervisor.Supervisor
	cfg      supervisorConfig
	listener *wire.Listener
	server   *api.Server
}

func (b *backend) Exec(ctx context.Context, req api.Exec) (api.ExecAnswer, error) {
	result, err := b.Supervisor.Exec(ctx, supervisor.ExecRequest(req))
	return api.ExecAnswer(result), err
}

func (b *backend) Apply(req api.Apply) api.Operation {
	return b.Supervisor.Apply(supervisor.ApplyRequest(req))
}

func (b *backend) StopOperation(id string) bool { return b.Stop(id) }

func (b *backend) Recycle(name string, place int, by string) (api.Operation, error) {
	op, err := b.Supervisor.Recycle(name, place, by)
	if err != nil {
		return nil, err
	}
	return op, nil
}
