package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/test/harness"
)

const (
	callers = 24
	// wildly is how long the random load lasts, steadily the load on one pool while
	// the workers of another are killed.
	wildly   = 4 * time.Second
	steadily = 2 * time.Second
	// settling bounds everything that has to come by itself.
	settling = 20 * time.Second
)

// seen is what the callers saw of one pool.
type seen struct {
	mu     sync.Mutex
	counts pool.CallCounts
	// vanished counts the calls that were given up after they were sent.
	vanished uint64
}

// see notes how one call ended for its caller.
func (s *seen) see(t *testing.T, err error) {
	var call *client.Error
	if err != nil && !errors.As(err, &call) {
		t.Errorf("Exec: %v, want a call error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.counts.OK++
	case call.Origin == "client":
		if call.Started { // it was sent
			s.vanished++
		}
	case call.Category == pool.CategoryDeadline:
		s.counts.Timeout++
	case call.Category == pool.CategorySaturated:
		s.counts.Rejected++
	case call.Category == pool.CategoryQueueTimeout:
		s.counts.QueueTimeout++
	default:
		s.counts.Failed++
	}
}

// site is a running instance with the pools of testdata.
type site struct {
	t        *testing.T
	instance *harness.Instance
	client   *client.Client
	seen     map[string]*seen // by pool name
	// executions is the log of the pool that writes one.
	executions string
}

func start(t *testing.T) *site {
	t.Helper()
	return startWith(t, "testdata")
}

// startWith applies the configuration of a directory with the variables.
func startWith(t *testing.T, dir string, vars ...string) *site {
	t.Helper()
	binary, err := harness.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	instance := harness.Begin(t, binary)
	s := &site{t: t, instance: instance, seen: map[string]*seen{"steady": {}, "wild": {}, "narrow": {}, "threaded": {}}}
	if err := os.CopyFS(filepath.Join(instance.Dir, "..", "config"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	args := []string{"apply", "--auto-approve", filepath.Join(instance.Dir, "..", "config")}
	for _, v := range vars {
		args = append(args, "--var", v)
	}
	s.snakectl(args...)
	s.client = client.New(filepath.Join(instance.Dir, "supervisor.sock"))
	t.Cleanup(s.client.Close)
	return s
}

// snakectl runs a command and returns its standard output.
func (s *site) snakectl(args ...string) []byte {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.instance.Binary, args...)
	cmd.Env = s.instance.Env()
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		s.t.Fatalf("snakectl %v: %v\n%s\n%s", args, err, out, exit.Stderr)
	}
	return out
}

// status returns the pools by name, as the command line tells of them.
func (s *site) status() map[string]pool.PoolStatus {
	s.t.Helper()
	var status pool.Status
	if err := json.Unmarshal(s.snakectl("status", "--json"), &status); err != nil {
		s.t.Fatal(err)
	}
	byName := map[string]pool.PoolStatus{}
	for _, p := range status.Pools {
		byName[p.Address[len("pool."):]] = p
	}
	return byName
}

// load runs callers that make random calls of the menu until the time is over.
func (s *site) load(during time.Duration, seed uint64, menu func(s *site, caller int, r *rand.Rand)) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(s.t.Context(), during)
	defer cancel()
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for ctx.Err() == nil && !s.t.Failed() {
				menu(s, i, r)
			}
		})
	}
	all.Wait()
	s.t.Logf("the load lasted %s", time.Since(begun).Round(time.Millisecond))
}

func (s *site) exec(ctx context.Context, poolName, command string, args any, opts ...client.CallOption) {
	_, err := s.client.Exec(ctx, poolName, command, args, opts...)
	s.seen[poolName].see(s.t, err)
}

type kwargs = map[string]int

// anything makes one call that ends in one of many ways.
func anything(s *site, _ int, r *rand.Rand) {
	ctx := s.t.Context()
	poolName := []string{"steady", "wild", "wild", "narrow", "threaded", "threaded"}[r.IntN(6)]
	switch what := r.IntN(100); {
	case what < 40:
		s.exec(ctx, poolName, "echo", kwargs{"value": r.IntN(1000)})
	case what < 55:
		s.exec(ctx, poolName, "nap", kwargs{"ms": r.IntN(30)})
	case what < 65:
		s.exec(ctx, poolName, "raises", nil)
	case what < 70:
		s.exec(ctx, poolName, "nobody", nil)
	case what < 75:
		s.exec(ctx, poolName, "echo", kwargs{"valve": 1})
	case what < 85: // sleeps over its deadline
		s.exec(ctx, poolName, "nap", kwargs{"ms": 60}, client.Timeout(time.Duration(1+r.IntN(40))*time.Millisecond))
	case what < 95: // its caller vanishes
		leaving, cancel := context.WithCancel(ctx)
		timer := time.AfterFunc(time.Duration(r.IntN(20_000))*time.Microsecond, cancel)
		s.exec(leaving, poolName, "nap", kwargs{"ms": r.IntN(40)})
		timer.Stop()
		cancel()
	case what < 97:
		if _, err := s.client.Exec(ctx, "nowhere", "echo", nil); err == nil {
			s.t.Error("a call to a pool that does not exist succeeded")
		}
	case poolName == "wild", poolName == "threaded":
		s.exec(ctx, poolName, "dies", nil)
	}
}

// settle waits until nothing runs or waits and every worker is there.
func (s *site) settle() map[string]pool.PoolStatus {
	s.t.Helper()
	begun := time.Now()
	ok := harness.Until(s.t.Context(), settling, func() bool {
		status, err := s.client.Status(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		for _, p := range status.Pools {
			if p.Busy+p.Queued > 0 || p.Ready != p.Size || p.Available != capacity(&p) {
				return false
			}
		}
		return true
	})
	last := s.status()
	if !ok {
		s.t.Fatalf("the pools did not settle within %s: %s", settling, lines(last))
	}
	s.t.Logf("settled after %s", time.Since(begun).Round(time.Millisecond))
	return last
}

func lines(pools map[string]pool.PoolStatus) string {
	b, err := json.MarshalIndent(pools, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// compare fails unless the counters of each pool are what its callers saw.
func (s *site) compare(pools map[string]pool.PoolStatus) {
	s.t.Helper()
	for name, saw := range s.seen {
		got, extra := pools[name].Calls, uint64(0)
		for _, c := range []struct {
			name      string
			got, want uint64
		}{
			{"ok", got.OK, saw.counts.OK},
			{"failed", got.Failed, saw.counts.Failed},
			{"timeout", got.Timeout, saw.counts.Timeout},
			{"rejected", got.Rejected, saw.counts.Rejected},
			{"queue_timeout", got.QueueTimeout, saw.counts.QueueTimeout},
			{"cancelled", got.Cancelled, saw.counts.Cancelled},
		} {
			if c.got < c.want {
				s.t.Errorf("pool %s: %s = %d, the callers saw %d", name, c.name, c.got, c.want)
			}
			extra += c.got - c.want
		}
		if extra != saw.vanished {
			s.t.Errorf("pool %s counts %d calls more than the callers saw, want the %d that were given up\ncounted %+v\nseen    %+v",
				name, extra, saw.vanished, got, saw.counts)
		}
		s.t.Logf("pool %s: %+v, %d of them given up", name, got, saw.vanished)
	}
}

// TestCountersEqualWhatCallersSaw also ends every worker of one pool again and
// again, which must not show in another one.
func TestCountersEqualWhatCallersSaw(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts real workers")
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := start(t)
	t.Log("started")
	s.load(wildly, seed, anything)
	before := s.settle()
	s.compare(before)
	for _, want := range []struct {
		what string
		n    uint64
	}{
		{"ok", before["steady"].Calls.OK},
		{"failed", before["wild"].Calls.Failed},
		{"timeout", before["wild"].Calls.Timeout},
		{"rejected", before["narrow"].Calls.Rejected},
		{"queue_timeout", before["narrow"].Calls.QueueTimeout},
		{"cancelled", before["wild"].Calls.Cancelled},
		{"restarts", uint64(before["wild"].Restarts)},
	} {
		if want.n == 0 {
			t.Errorf("the load never led to %s", want.what)
		}
	}

	var killer sync.WaitGroup
	killer.Go(func() { s.killAll("wild", steadily) })
	s.load(steadily, seed+1, func(s *site, caller int, r *rand.Rand) {
		poolName := []string{"steady", "wild"}[caller%2]
		s.exec(s.t.Context(), poolName, "nap", kwargs{"ms": r.IntN(5)}, client.Timeout(settling))
	})
	killer.Wait()
	after := s.settle()
	s.compare(after)
	if after["wild"].Restarts == before["wild"].Restarts {
		t.Error("no worker was killed")
	}
	if diff := cmp.Diff(unharmed(before["steady"]), unharmed(after["steady"])); diff != "" {
		t.Errorf("what the killing did to the other pool (-before +after):\n%s", diff)
	}
}

// unharmed is what must be equal before and after other pools lost their workers.
func unharmed(p pool.PoolStatus) []string {
	out := []string{fmt.Sprintf("failed %d timeout %d rejected %d queue_timeout %d restarts %d",
		p.Calls.Failed, p.Calls.Timeout, p.Calls.Rejected, p.Calls.QueueTimeout, p.Restarts)}
	for _, w := range p.Workers {
		out = append(out, fmt.Sprintf("%s pid %d", w.Address, w.PID))
	}
	return out
}

// killAll kills every worker of a pool, again and again.
func (s *site) killAll(poolName string, during time.Duration) {
	ctx, cancel := context.WithTimeout(s.t.Context(), during)
	defer cancel()
	tick := time.NewTicker(during / 5)
	defer tick.Stop()
	for {
		workers, err := s.client.Workers(ctx, poolName)
		if err != nil {
			return // the time is over
		}
		for _, w := range workers {
			if w.PID > 0 {
				_ = syscall.Kill(w.PID, syscall.SIGKILL)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
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
