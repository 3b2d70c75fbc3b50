package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/snakectl/snakectl/client"
)

// Call is one call as its caller saw it.
type Call struct {
	// Token names the call in the log of executions.
	Token string
	Pool  string
	// Idempotent: it may run again. Short: its deadline is meant to pass. Vanishes:
	// its caller goes away.
	Idempotent, Vanishes bool
	Took, Timeout        time.Duration
	// Before and After are the numbers of the supervisor's life around the call: odd
	// while one ends or begins.
	Before, After int

	// Unseen: nobody knows how it ended, or whether it was sent.
	Unseen bool
	// Answered: it has an answer; Err is it when it failed.
	Answered bool
	Err      *client.Error
	// Other is an error that is no call error: nobody listened.
	Other error
	// Told is what the command returned.
	Told struct {
		Token string
		PID   int
	}
}

// Outcome returns how the call ended in one word: ok, or a category.
func (c *Call) Outcome() string {
	switch {
	case !c.Answered:
		return "no answer"
	case c.Err != nil:
		return string(c.Err.Category)
	case c.Other != nil:
		return "nobody listens"
	}
	return "ok"
}

// callers make calls until their context ends.
type callers struct {
	client *client.Client
	lives  *lives
	seed   uint64

	mu    sync.Mutex
	calls []Call
}

const callerCount = 8

// run has all callers call until ctx ends. Each call is answered before it returns.
func (c *callers) run(ctx context.Context, generation string, menu func(*rand.Rand) ask) {
	var all sync.WaitGroup
	for i := range callerCount {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(c.seed, uint64(i)))
			for n := 0; ctx.Err() == nil; n++ {
				call := c.make(fmt.Sprintf("%s%d-%d", generation, i, n), menu(rng))
				c.mu.Lock()
				c.calls = append(c.calls, call)
				c.mu.Unlock()
				think := time.NewTimer(between(rng, 0, 20*time.Millisecond))
				select {
				case <-think.C:
				case <-ctx.Done():
				}
				think.Stop()
			}
		})
	}
	all.Wait()
}

// ask is a call that is to be made.
type ask struct {
	pool, command string
	ms            int
	timeout       time.Duration
	idempotent    bool
	// leave is when the caller goes away, 0 for never.
	leave time.Duration
}

// anything draws one of the many ways in which a call can end.
func anything(rng *rand.Rand) ask {
	a := ask{pool: called[rng.IntN(len(called))], command: "work", ms: rng.IntN(20), timeout: between(rng, 2*time.Second, 4*time.Second)}
	switch n := rng.IntN(100); {
	case n < 60:
	case n < 70:
		a.idempotent = true
	case n < 78:
		a.command = "fail"
	case n < 86:
		a.ms, a.timeout = 60, between(rng, time.Millisecond, 40*time.Millisecond)
	case n < 95:
		a.ms, a.leave = 40, between(rng, time.Millisecond, 40*time.Millisecond)
	case n < 97 && a.pool != calmPool:
		a.command = "crash"
	}
	return a
}

// usual draws calls of which every one must succeed when nothing is broken.
func usual(rng *rand.Rand) ask {
	return ask{pool: called[rng.IntN(len(called)-1)], command: "work", ms: rng.IntN(5), timeout: 5 * time.Second}
}

func (c *callers) make(token string, a ask) Call {
	ctx := context.Background()
	if a.leave > 0 {
		leaving, cancel := context.WithCancel(ctx)
		timer := time.AfterFunc(a.leave, cancel)
		defer cancel()
		defer timer.Stop()
		ctx = leaving
	}
	opts := []client.CallOption{client.Timeout(a.timeout)}
	if a.idempotent {
		opts = append(opts, client.Idempotent())
	}
	args := map[string]any{"token": token}
	if a.command == "work" {
		args["ms"] = a.ms
	}
	call := Call{Token: token, Pool: a.pool, Idempotent: a.idempotent, Vanishes: a.leave > 0, Timeout: a.timeout, Before: c.lives.now()}
	begun := time.Now()
	result, err := c.client.Exec(ctx, a.pool, a.command, args, opts...)
	call.Took, call.After, call.Answered = time.Since(begun), c.lives.now(), true
	if err == nil {
		err = json.Unmarshal(result.Body, &call.Told)
	}
	if err != nil && !errors.As(err, &call.Err) {
		call.Other = err
	}
	return call
}
