package chaos

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/test/harness"
)

const (
	// patience is how long everything may take to heal when the faults have ended.
	patience = 45 * time.Second
	// usually is how long the load without faults lasts that must succeed.
	usually = 2 * time.Second
	// diskSize is how large the instance's own file system is.
	diskSize = 64 << 20
)

// Options say what to break, and for how long.
type Options struct {
	// Binary is the program under test.
	Binary string
	Seed   uint64
	During time.Duration
	// Trace, if not nil, gets a line for each thing that happens.
	Trace io.Writer
}

// campaign is one run of a schedule.
type campaign struct {
	opts     Options
	schedule []Disturbance
	*disturber
	callers  *callers
	executed Executions
	result   Result
	// base is what the supervisor held before anything was broken.
	base struct {
		descriptors int
		memory      int64
	}
}

// Run plays the schedule of a seed against a private instance and judges what
// happened. An error means that it could not be played.
func Run(ctx context.Context, opts Options) (*Result, error) {
	instance, err := harness.New(ctx, opts.Binary)
	if err != nil {
		return nil, err
	}
	c := newCampaign(opts, instance)
	if err := instance.Mount(diskSize); err != nil {
		c.full = err.Error()
	}
	if err := c.begin(ctx); err != nil {
		if closed := instance.Close(context.WithoutCancel(ctx)); closed != nil {
			err = fmt.Errorf("%w; %w", err, closed)
		}
		return nil, err
	}
	c.disturb(ctx)
	c.heal(ctx)
	c.finish(ctx)
	if err := instance.Close(context.WithoutCancel(ctx)); err != nil {
		c.ledger.violate(Clean, "%v", err)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("given up: %w", context.Cause(ctx))
	}
	return c.judge(), nil
}

func newCampaign(opts Options, instance *harness.Instance) *campaign {
	book := newLedger(opts.Trace)
	control := client.New(filepath.Join(instance.Dir, "supervisor.sock"))
	l := &lives{client: control, ledger: book, told: map[int]bool{}, workers: map[string]bool{}}
	return &campaign{
		opts: opts, schedule: Plan(opts.Seed, opts.During),
		disturber: &disturber{
			instance: instance, client: control, lives: l, ledger: book, seed: opts.Seed,
			config: instance.Outside("config"), executions: instance.Outside("executions"),
		},
		callers: &callers{client: client.New(control.Socket()), lives: l, seed: opts.Seed},
		result:  Result{Seed: opts.Seed, During: opts.During, Planned: map[Kind]int{}, Outcomes: map[string]int{}},
	}
}

// begin applies the first configuration and measures what is there.
func (c *campaign) begin(ctx context.Context) error {
	if err := variant(0).write(c.config, c.executions); err != nil {
		return err
	}
	if code, out := c.start("apply", "--auto-approve", c.config); code != 0 {
		return fmt.Errorf("the first apply ended with %d:\n%s", code, out)
	}
	if !harness.Until(ctx, patience, func() bool { return c.unsettled(ctx) == "" }) {
		return fmt.Errorf("the pools did not settle: %s", c.unsettled(ctx))
	}
	pid, why := c.supervisor()
	if why != "" {
		return fmt.Errorf("cannot measure the supervisor: %s", why)
	}
	c.base.descriptors, c.base.memory = descriptors(pid), resident(pid)
	c.result.Descriptors[0], c.result.Memory[0] = c.base.descriptors, c.base.memory
	c.result.Files[0], _ = files(c.instance.Dir)
	return nil
}

// disturb plays the schedule beside the load.
func (c *campaign) disturb(ctx context.Context) {
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		c.lives.watch(watching)
		close(watched)
	}()
	calling, hangUp := context.WithCancel(ctx)
	called := make(chan struct{})
	go func() {
		c.callers.run(calling, "c", anything)
		close(called)
	}()
	c.play(ctx, c.schedule, c.opts.During)
	c.ledger.note("the disturbances have ended")
	hangUp()
	<-called
	stop()
	<-watched
}

// unsettled says what is not as it should be, "" when everything is.
func (c *campaign) unsettled(ctx context.Context) string {
	limit, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	status, err := c.client.Status(limit)
	if err != nil {
		return err.Error()
	}
	for _, p := range status.Pools {
		if p.Busy+p.Queued > 0 || p.Available != capacity(&p) || p.Paused != nil {
			return p.Address + ": " + describe(p)
		}
	}
	return ""
}

// broken says which pool has not healed by itself: quarantined places wait for an
// apply.
func (c *campaign) broken(ctx context.Context) string {
	limit, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	status, err := c.client.Status(limit)
	if err != nil {
		return err.Error()
	}
	for _, p := range status.Pools {
		quarantined := 0
		for _, w := range p.Workers {
			if w.State == pool.WorkerQuarantined {
				quarantined++
			}
		}
		if p.Busy+p.Queued > 0 || p.Ready < p.Size-quarantined {
			return p.Address + ": " + describe(p)
		}
	}
	return ""
}

// capacity is how many calls the workers that a pool should have execute at one time; a
// replacement that waits until its worker has taken its last call is none of them.
func capacity(p *pool.PoolStatus) int {
	slots := 1
	for i := range p.Workers {
		slots = max(slots, p.Workers[i].Slots)
	}
	return p.Size * slots
}
