package chaos

import (
	"context"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/test/harness"
)

// heal wants everything as it should be, now that nothing is broken any more: first
// by itself, then as the first configuration says.
func (c *campaign) heal(ctx context.Context) {
	c.revive()
	c.resumeAll(ctx)
	begun := time.Now()
	if !harness.Until(ctx, patience, func() bool { return c.broken(ctx) == "" }) {
		c.ledger.violate(Converges, "after %s without faults: %s", patience, c.broken(ctx))
	}
	c.result.Healed = time.Since(begun)
	if err := variant(0).write(c.config, c.executions); err != nil {
		c.ledger.violate(Converges, "%v", err)
	}
	// An apply whose command was killed may still go on.
	code, out := 0, []byte(nil)
	harness.Until(ctx, patience, func() bool {
		if code, out = c.start("apply", "--auto-approve", c.config); code == inTheWay {
			pause(300 * time.Millisecond)
		}
		return code != inTheWay
	})
	if code != 0 {
		c.ledger.violate(Converges, "the last apply ended with %s:\n%s", codeName(code), lines(out, 20))
	}
	if code, out := c.start("plan", "--detailed-exitcode", c.config); code != 0 {
		c.ledger.violate(Converges, "plan --detailed-exitcode after the last apply ended with %s:\n%s", codeName(code), lines(out, 40))
	}
	c.settle(ctx)
}

// resumeAll ends the pauses that took effect though the command that asked for them
// was told of a broken connection.
func (c *campaign) resumeAll(ctx context.Context) {
	status, err := c.client.Status(ctx)
	if err != nil {
		c.ledger.violate(Converges, "%v", err)
		return
	}
	for _, p := range status.Pools {
		if p.Paused != nil {
			c.command("resume", p.Address)
		}
	}
}

func (c *campaign) settle(ctx context.Context) {
	if !harness.Until(ctx, patience, func() bool { return c.unsettled(ctx) == "" }) {
		c.ledger.violate(Converges, "the pools have not settled within %s: %s", patience, c.unsettled(ctx))
	}
}

// finish puts a usual load on, compares the counters, measures what is held, and
// ends the instance.
func (c *campaign) finish(ctx context.Context) {
	former := len(c.callers.calls)
	calling, hangUp := context.WithTimeout(ctx, usually)
	c.callers.run(calling, "u", usual)
	hangUp()
	for i := range c.callers.calls[former:] {
		if call := &c.callers.calls[former+i]; call.Outcome() != "ok" {
			c.ledger.violate(Whole, "%s of pool %s: %s: %v %v", call.Token, call.Pool, call.Outcome(), call.Err, call.Other)
		}
	}
	c.settle(ctx)
	c.callers.client.Close()
	c.count(ctx)
	c.measure(ctx)
	c.command("destroy", "--auto-approve", "--quiet")
	c.command("supervisor stop")
	c.client.Close()
	var err error
	if c.executed, err = readExecutions(c.executions); err != nil {
		c.ledger.violate(True, "%v", err)
	}
}

// count compares the counters of the last supervisor.
func (c *campaign) count(ctx context.Context) {
	status, err := c.client.Status(ctx)
	if err != nil {
		c.ledger.violate(Counted, "%v", err)
		return
	}
	counted := map[string]pool.CallCounts{}
	for _, p := range status.Pools {
		counted[p.Address[len("pool."):]] = p.Calls
	}
	for _, v := range reconcile(c.lives.now(), slices.Concat(c.callers.calls, c.unseen), counted) {
		c.ledger.violate(v.Invariant, "%s", v.Text)
	}
}

// measure looks that the supervisor holds hardly more than at the begin, with the
// same configuration.
func (c *campaign) measure(ctx context.Context) {
	const (
		moreDescriptors = 6 // and one for each worker: an adopted one costs one more than a child
		moreMemory      = 64 << 20
		mostFiles       = 2000 // three of each of the last 20 incarnations of 24 places, and what else there is
		mostBytes       = 48 << 20
	)
	pid, why := c.supervisor()
	if why != "" {
		c.ledger.violate(Clean, "%s", why)
		return
	}
	status, err := c.client.Status(ctx)
	if err != nil {
		c.ledger.violate(Clean, "%v", err)
		return
	}
	most := c.base.descriptors + moreDescriptors
	for i := range status.Pools {
		most += len(status.Pools[i].Workers)
	}
	harness.Until(ctx, 10*time.Second, func() bool { return descriptors(pid) <= most })
	open, memory := descriptors(pid), resident(pid)
	count, bytes := files(c.instance.Dir)
	c.result.Descriptors[1], c.result.Memory[1], c.result.Files[1] = open, memory, count
	if open > most {
		c.ledger.violate(Clean, "the supervisor has %d descriptors open, %d at the begin, and at most %d should be", open, c.base.descriptors, most)
	}
	if memory > 3*c.base.memory+moreMemory {
		c.ledger.violate(Clean, "the supervisor holds %d bytes, %d at the begin", memory, c.base.memory)
	}
	if count > mostFiles || bytes > mostBytes {
		c.ledger.violate(Clean, "the instance has %d files with %d bytes", count, bytes)
	}
}

// judge makes the table.
func (c *campaign) judge() *Result {
	r := &c.result
	for _, d := range c.schedule {
		r.Planned[d.Kind]++
	}
	for i := range c.callers.calls {
		r.Outcomes[c.callers.calls[i].Outcome()]++
	}
	for _, pids := range c.executed {
		r.Executed += len(pids)
	}
	r.Calls, r.Supervisors, r.Workers = len(c.callers.calls), c.lives.seen, len(c.lives.workers)
	r.Done, r.Skipped, r.Commands = c.ledger.done, c.ledger.skipped, c.ledger.commands
	r.Violations = append(c.ledger.violations, Judge(c.callers.calls, c.executed)...)
	return r
}
