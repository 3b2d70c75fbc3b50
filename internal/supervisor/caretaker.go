package supervisor

import (
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// caretaker looks after the ready workers of one pool: it asks whether they answer
// and measures their memory. It has a goroutine of its own, so that a look at /proc
// holds up neither calls nor the pool loop.
type caretaker struct {
	r *runner
	// policies takes the newest policy; it holds one, and a newer replaces it.
	policies chan pool.Pool

	// policy belongs to the goroutine of run.
	policy pool.Pool

	// noted says that grown holds workers; it holds one signal.
	noted chan struct{}
	// mu guards what follows. It is a leaf.
	mu    sync.Mutex
	grown map[*workerEntry]bool
}

func newCaretaker(r *runner) *caretaker {
	return &caretaker{r: r, policies: make(chan pool.Pool, 1), noted: make(chan struct{}, 1), grown: map[*workerEntry]bool{}}
}

// take gives the caretaker a policy. It is called by the pool loop alone.
func (c *caretaker) take(policy pool.Pool) {
	select {
	case <-c.policies:
	default:
	}
	c.policies <- policy
}

// run works until the pool loop ends. Before the first policy it does nothing.
func (c *caretaker) run() {
	health, memory := time.NewTimer(time.Hour), time.NewTimer(time.Hour)
	defer health.Stop()
	defer memory.Stop()
	asked := false
	for {
		select {
		case c.policy = <-c.policies:
			health.Reset(c.policy.Health.Interval.D())
			memory.Reset(c.lookAgain(c.measure(everyWorker)))
			asked = false
		case <-health.C:
			if asked = !asked; asked {
				c.ask()
				health.Reset(c.policy.Health.Timeout.D())
			} else {
				c.collect()
				health.Reset(c.policy.Health.Interval.D() - c.policy.Health.Timeout.D())
			}
		case <-memory.C:
			c.r.read((*runner).relimit)
			memory.Reset(c.lookAgain(c.measure(everyWorker)))
		case <-c.noted:
			if again := c.measureGrown(); again > 0 {
				memory.Reset(c.lookAgain(again))
			}
		case <-c.r.done:
			return
		case <-c.r.sup.detached:
			return
		}
	}
}

// lookAgain returns when the memory is measured again: after check_interval, or
// sooner where somebody has to be looked at sooner.
func (c *caretaker) lookAgain(sooner time.Duration) time.Duration {
	interval := c.policy.Lifecycle.CheckInterval.D()
	if sooner > 0 {
		return min(sooner, interval)
	}
	return interval
}

// ready returns the workers that the machine counts as ready.
func (c *caretaker) ready() []*workerEntry {
	var out []*workerEntry
	c.r.read(func(r *runner) {
		for _, w := range r.workers {
			if w.preflight == nil && w.state == pool.WorkerReady {
				out = append(out, w)
			}
		}
	})
	return out
}

// ask sends every worker a PING, and the health command to those without a call.
func (c *caretaker) ask() {
	for _, w := range c.ready() {
		w.ping()
		if command := c.policy.Health.Command; command != "" {
			w.slots.probe(command, c.policy.Health.Timeout.D())
		}
	}
}

// collect looks who has answered. A worker is given up only while it has no call:
// code that holds the interpreter's lock for the length of a call silences every
// thread of it, and that is no fault.
func (c *caretaker) collect() {
	for _, w := range c.ready() {
		reason := w.missing(c.policy.Health)
		if reason == "" || !w.slots.withdrawIdle() {
			continue
		}
		c.r.log().Warn("a worker is unresponsive", "worker", w.incarnation(), "reason", reason)
		c.r.tellUnhealthy(w, reason)
		c.r.send(happening{lifecycle.Unresponsive{Worker: w.rec.Incarnation, Reason: reason}})
	}
}
