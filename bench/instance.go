package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/snakectl/snakectl/client"
)

// instance is a private instance of the real program.
type instance struct {
	*client.Client
	binary, dir, config string
}

// startInstance applies the configuration in the directory config.
func startInstance(ctx context.Context, binary, dir, config string) (*instance, error) {
	i := &instance{Client: client.New(filepath.Join(dir, "supervisor.sock")), binary: binary, dir: dir, config: config}
	if _, err := i.run(ctx, "apply", "--auto-approve", config); err != nil {
		i.stop(context.WithoutCancel(ctx))
		return nil, err
	}
	return i, i.WaitReady(ctx)
}

// run executes the program and returns how long the whole process took.
func (i *instance) run(ctx context.Context, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, i.binary, append([]string{"--instance", i.dir}, args...)...)
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(begin)
	if err != nil {
		return took, fmt.Errorf("cannot run snakectl %s: %w\n%s", args[0], err, out)
	}
	return took, nil
}

// stop ends the supervisor and its workers.
func (i *instance) stop(ctx context.Context) {
	i.Close()
	if _, err := i.run(ctx, "supervisor", "stop"); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// alive returns the workers of a pool that are ready, by incarnation.
func (i *instance) alive(ctx context.Context, pool string) (map[string]client.WorkerStatus, error) {
	workers, err := i.Workers(ctx, pool)
	out := map[string]client.WorkerStatus{}
	for _, w := range workers {
		if w.State == "ready" || w.State == "busy" {
			out[w.Incarnation] = w
		}
	}
	return out, err
}

// until asks every few milliseconds whether done, for a minute at most.
func until(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
