package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/code"
	"github.com/snakectl/snakectl/internal/watch"
)

func newDevCommand(a *App) *cobra.Command {
	var vars varOptions
	cmd := command{
		use:   "dev [DIR|FILE]",
		short: "Apply on every save, in the foreground",
		long: `Start a supervisor, apply the configuration, and apply again whenever a file below
its directory is saved: workers of the new code are ready before old ones go, and
what does not start is told while the old ones go on serving. What workers write is
printed. Rolls wait for nothing: update.min_healthy_time counts as 0, update.surge as
size, and code_mode as "snapshot". Ctrl-C ends all of it, a second one at once.`,
		examples: [2]string{"snakectl dev", "snakectl dev examples/quickstart.hcl"},
		args:     cobra.MaximumNArgs(1),
		run:      func(ctx context.Context, args []string) error { return a.runDev(ctx, args, vars) },
	}.cobraRaw()
	vars.bind(cmd)
	return cmd
}

// runDev owns the supervisor that it starts: it does not touch one that runs already,
// whose pools may be somebody's.
func (a *App) runDev(ctx context.Context, args []string, vars varOptions) error {
	dir, err := a.instanceDir()
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	switch err := settled(func() error { return c.Healthy(ctx) }); {
	case err == nil:
		return &codedError{code: exitStale, err: fmt.Errorf("a supervisor of %s runs already: end it with \"snakectl supervisor stop\", or name another instance with --instance DIR", dir)}
	case !errors.Is(err, client.ErrNoSupervisor):
		return a.explain(err)
	case a.global.noStart:
		return errors.New("--no-start forbids to start a supervisor, which dev does")
	}
	tree, err := watch.Open(watchedRoot(args), func(path string) bool { return path == dir || code.Skips(path) })
	if err != nil {
		return err
	}
	held, holds, err := os.Pipe() // the supervisor ends when this process does, however it does
	if err != nil {
		return errors.Join(err, tree.Close())
	}
	defer holds.Close()
	_, err = a.startSupervisor(ctx, dir, held)
	held.Close()
	if err != nil {
		return errors.Join(err, tree.Close())
	}
	return errors.Join(newDevSession(a, c, args, vars).run(ctx, tree), tree.Close())
}

// watchedRoot returns the directory of the configuration.
func watchedRoot(args []string) string {
	if len(args) == 0 {
		return "."
	}
	if info, err := os.Stat(args[0]); err == nil && !info.IsDir() {
		return filepath.Dir(args[0])
	}
	return args[0]
}

// devSession is one run of dev: rounds of plan and apply that follow the files, and
// what workers write meanwhile. Its loop owns it.
type devSession struct {
	app    *App // writes whole lines
	client *client.Client
	args   []string
	vars   varOptions
	logs   *devLogs

	// round is what runs now, nil for nothing; again says that files changed since it
	// began, and troubled that the last one left an error on the screen.
	round    *devRound
	again    bool
	troubled bool
}

func newDevSession(a *App, c *client.Client, args []string, vars varOptions) *devSession {
	app, mu := *a, &sync.Mutex{}
	app.Stdout, app.Stderr = lineWriter{mu, a.Stdout}, lineWriter{mu, a.Stderr}
	return &devSession{app: &app, client: c, args: args, vars: vars, logs: newDevLogs(&app, c)}
}

// run applies until an interrupt, or until the supervisor is gone. It ends the
// supervisor.
func (d *devSession) run(ctx context.Context, tree *watch.Tree) error {
	var group sync.WaitGroup
	defer group.Wait()
	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	changes, failed := make(chan []string), make(chan error, 2) // from the two goroutines below
	group.Go(func() {
		for {
			paths, err := tree.Next(watching)
			if err != nil {
				failed <- err
				return
			}
			select {
			case changes <- paths:
			case <-watching.Done():
			}
		}
	})
	logging, unlog := context.WithCancel(ctx)
	defer unlog()
	group.Go(func() { failed <- d.logs.run(logging) })
	d.app.say("Watching %s. Ctrl-C ends the workers and the supervisor.", tree.Root())
	err := d.follow(watching, changes, failed)
	unwatch()
	if d.round != nil {
		<-d.round.done
	}
	return errors.Join(err, d.stop(ctx))
}

// follow is the loop of the session. It returns nil for an interrupt.
func (d *devSession) follow(ctx context.Context, changes <-chan []string, failed <-chan error) error {
	d.begin(ctx)
	for {
		var done <-chan struct{}
		if d.round != nil {
			done = d.round.done
		}
		select {
		case <-changes:
			if d.round == nil {
				d.begin(ctx)
				continue
			}
			d.again = true
			d.round.giveUp(ctx)
		case <-done:
			d.troubled, d.round = d.round.troubled, nil
			if d.again {
				d.begin(ctx)
			}
		case err := <-failed:
			return err
		case <-d.app.Interrupts:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin starts a round.
func (d *devSession) begin(ctx context.Context) {
	d.again = false
	d.round = &devRound{session: d, done: make(chan struct{}), op: &operation{app: d.app, client: d.client}, recovers: d.troubled}
	go d.round.run(ctx)
}

// stop ends the supervisor: the first time its workers finish their calls, an
// interrupt meanwhile kills them.
func (d *devSession) stop(ctx context.Context) error {
	d.app.say("Stopping. Interrupt again to kill the workers.")
	stopped := make(chan error, 1)
	go func() {
		_, err := d.app.stopSupervisor(ctx, client.PartingStop, stopLimit)
		stopped <- err
	}()
	var err error
	select {
	case err = <-stopped:
	case <-d.app.Interrupts:
		_, err = d.app.stopSupervisor(ctx, client.PartingKill, stopLimit)
		err = errors.Join(err, <-stopped)
	}
	if errors.Is(err, client.ErrNoSupervisor) {
		return nil
	}
	return err
}

// lineWriter has several goroutines write whole lines.
type lineWriter struct {
	mu  *sync.Mutex
	out io.Writer
}

func (w lineWriter) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(text)
}
