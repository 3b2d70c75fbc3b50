package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// execOptions are the flags of `snakectl exec`.
type execOptions struct {
	timeout     time.Duration
	session     string
	idempotent  bool
	priority    uint8
	json        bool
	repeat      int
	concurrency int
	stress      int
}

func newExecCommand(a *App) *cobra.Command {
	var opts execOptions
	cmd := command{
		use:   "exec [POOL] COMMAND [ARGS|@FILE|-]",
		also:  []string{"call", "run"},
		short: "Run a command on a worker and print its result",
		long: `Run one command of a pool's adapter on one of its workers. ARGS is one JSON object
(keyword arguments) or one JSON list (positional arguments); @FILE reads it from a
file and - from standard input. Without POOL the call goes to the default pool. Of
two words the second is a command if it looks like a name, otherwise arguments. A
stopped supervisor is started; when it dies while the call runs the next one is
asked for the answer. The exit code says what went wrong: 10 the command
raised, 11 timeout, 12 no worker was free, 13 unknown pool or command, 14 the
worker died, 1 anything else.`,
		examples: [2]string{`snakectl exec hello '{"name":"Ada"}'`, `snakectl exec etl load @args.json --timeout 30s --json`},
		args:     cobra.RangeArgs(1, 3),
		run:      func(ctx context.Context, words []string) error { return a.runExec(ctx, words, opts) },
	}.cobra(a)
	cmd.ValidArgsFunction = a.completeExec
	flags := cmd.Flags()
	flags.DurationVar(&opts.timeout, "timeout", 0, "how long the call may take, waiting included (default: the pool's timeouts.call)")
	flags.StringVar(&opts.session, "session", "", "key of the session the call belongs to")
	flags.BoolVar(&opts.idempotent, "idempotent", false, "say that running the call twice does no harm: it runs again where retry of the pool says so")
	flags.Uint8Var(&opts.priority, "priority", 0, "how urgent the call is, 0 to 255, where queue.policy of the pool is priority")
	flags.BoolVar(&opts.json, "json", false, "print the result or the error as one JSON object")
	flags.IntVar(&opts.repeat, "repeat", 1, "how many times to call; above 1 only figures are printed")
	flags.IntVar(&opts.concurrency, "concurrency", 1, "how many of the repeated calls run at one time")
	flags.IntVar(&opts.stress, "stress", 0, "call so many times at one time and compare the results with those of single calls")
	return cmd
}

func (o execOptions) validate() error {
	switch {
	case o.timeout < 0:
		return errors.New("--timeout must be positive")
	case o.repeat < 1 || o.repeat > 10_000_000:
		return errors.New("--repeat must be from 1 to 10000000")
	case o.concurrency < 1 || o.concurrency > 10_000:
		return errors.New("--concurrency must be from 1 to 10000")
	case o.stress != 0 && (o.stress < 2 || o.stress > 10_000_000):
		return errors.New("--stress must be from 2 to 10000000")
	case o.stress != 0 && o.repeat > 1:
		return errors.New("choose one of --repeat and --stress: both call many times")
	case o.concurrency > 1 && o.repeat == 1 && o.stress == 0:
		return errors.New("--concurrency needs --repeat or --stress")
	}
	return nil
}

func (o execOptions) callOptions() []client.CallOption {
	var out []client.CallOption
	if o.timeout > 0 {
		out = append(out, client.Timeout(o.timeout))
	}
	if o.session != "" {
		out = append(out, client.Session(o.session))
	}
	if o.priority > 0 {
		out = append(out, client.Priority(o.priority))
	}
	if o.idempotent {
		out = append(out, client.Idempotent())
	}
	return out
}

func (a *App) runExec(ctx context.Context, words []string, opts execOptions) error {
	err := opts.validate()
	if err != nil {
		return err
	}
	target, err := parseExec(words)
	if err != nil {
		return err
	}
	args, err := readArgs(target.Args, a.Stdin)
	if err != nil {
		return err
	}
	c, err := a.callingClient()
	if err != nil {
		return err
	}
	defer c.Close()
	if opts.repeat > 1 || opts.stress > 1 {
		if err := a.reachable(ctx, c, target.Pool); err != nil {
			return err
		}
		if opts.stress > 1 {
			return a.runStress(ctx, c, target, args, opts)
		}
		return a.runRepeated(ctx, c, target, args, opts)
	}
	result, err := a.execOnce(ctx, c, target, args, opts)
	if err != nil {
		return a.execFailed(needsCommand(ctx, c, target, err), opts.json)
	}
	return a.printResult(result, opts.json)
}

// callingClient returns a client whose calls outlive the supervisor: when none comes
// back by itself, it is started, unless that is forbidden.
func (a *App) callingClient() (*client.Client, error) {
	if a.global.noStart {
		return a.client()
	}
	starter, err := a.client()
	if err != nil {
		return nil, err
	}
	return a.client(client.Revive(func(ctx context.Context) error {
		_, err := a.ensureSupervisor(ctx, starter)
		return err
	}))
}

// execOnce calls, and calls again if it had to start the supervisor first. The
// usual case pays for no question beforehand.
func (a *App) execOnce(ctx context.Context, c *client.Client, t execTarget, args json.RawMessage, opts execOptions) (*client.Result, error) {
	result, err := c.Exec(ctx, t.Pool, t.Command, anyArgs(args), opts.callOptions()...)
	if !errors.Is(err, client.ErrNoSupervisor) {
		return result, err
	}
	if err := a.reachable(ctx, c, t.Pool); err != nil {
		return nil, err
	}
	return c.Exec(ctx, t.Pool, t.Command, anyArgs(args), opts.callOptions()...)
}

// anyArgs keeps "no arguments" an untyped nil.
func anyArgs(args json.RawMessage) any {
	if args == nil {
		return nil
	}
	return args
}

// reachable starts the supervisor when none answers and the instance has pools to
// bring up, and then waits until the pool can take the call.
func (a *App) reachable(ctx context.Context, c *client.Client, addr string) error {
	if !errors.Is(c.Healthy(ctx), client.ErrNoSupervisor) {
		return nil
	}
	dir, err := a.instanceDir()
	if err != nil {
		return err
	}
	if !hasState(dir) {
		return fmt.Errorf("no supervisor runs for the instance %s and nothing was applied to it: run \"snakectl apply\" first", dir)
	}
	if _, err := a.ensureSupervisor(ctx, c); err != nil {
		return err
	}
	if addr == "" {
		addr = defaultPool(ctx, c)
	}
	// Only a courtesy to the call's own time: the call says better what is wrong.
	_ = c.Wait(ctx, addr, client.ForReady, readyLimit)
	return nil
}

// defaultPool returns the address of the pool that takes calls without one, or
// empty when none does.
func defaultPool(ctx context.Context, c *client.Client) string {
	status, err := c.Status(ctx)
	if err != nil {
		return ""
	}
	for i := range status.Pools {
		if status.Pools[i].Default {
			return status.Pools[i].Address
		}
	}
	return ""
}

// readyLimit is how long exec waits for a pool that it has just brought up.
const readyLimit = 30 * time.Second

func (a *App) printResult(result *client.Result, asJSON bool) error {
	body := json.RawMessage(result.Body)
	if len(body) == 0 {
		body = json.RawMessage("null")
	}
	if !asJSON {
		return writeJSON(a.Stdout, body, a.StdoutTTY)
	}
	return writeJSON(a.Stdout, execAnswer{
		Result: &body, Worker: result.Worker,
		QueueMS: milliseconds(result.Queue), ExecMS: milliseconds(result.Exec),
	}, a.StdoutTTY)
}

// execAnswer is what exec --json prints for a call that returned.
type execAnswer struct {
	Result  *json.RawMessage `json:"result"`
	Worker  string           `json:"worker"`
	QueueMS float64          `json:"queue_ms"`
	ExecMS  float64          `json:"exec_ms"`
}

// execFailed tells the error of a call and returns its exit code.
func (a *App) execFailed(err error, asJSON bool) error {
	call, isCall := errors.AsType[*client.Error](err)
	code := exitError
	if isCall {
		code = categoryExit(call.Category)
	}
	if asJSON {
		if !isCall {
			call = pool.NewCallError(pool.CategoryUnavailable, "%s", a.explain(err))
			call.Origin = "client"
		}
		if err := writeJSON(a.Stdout, map[string]any{"error": call}, a.StdoutTTY); err != nil {
			return err
		}
		return exitWith(code)
	}
	if !isCall {
		return a.explain(err)
	}
	dir, err := a.instanceDir()
	if err != nil {
		return err
	}
	fmt.Fprint(a.Stderr, a.errorWord()+sourcePaths(renderCallError(call), dir))
	return exitWith(code)
}
