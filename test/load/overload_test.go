package load

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

const (
	// service is how long a call of the flood executes, in one of so many servers. Times
	// as many calls come as those can take.
	service  = 40 * time.Millisecond
	servers  = 4
	times    = 10
	arrivals = service / servers / times
	// waits is queue.timeout of the pool, room its queue.max.
	waits = time.Second
	room  = 100
	// flooded is how long the flood lasts, unless SECONDS_OF_FLOOD says otherwise.
	flooded = 6 * time.Second
	// slack is how many times a ping a rejection may take, each at its p99; growth
	// bounds what the supervisor's memory may grow by, and forEach what it may besides
	// for each call that was open at one time: that many connections there are.
	slack   = 20
	growth  = 64 << 20
	forEach = 128 << 10
)

// flooding is what a flood was, and what came of it.
type flooding struct {
	latencies
	// offered counts the calls, all of which were made within that time.
	offered int
	within  time.Duration
	// memory is the most that the supervisor held, open the most calls at one time.
	memory, open int64
}

// overCapacity returns how many calls were offered for each that the workers could have
// finished in the time.
func (f *flooding) overCapacity() float64 {
	return float64(f.offered) / (float64(f.within) / float64(service/servers))
}

// latencies collects how long calls took, by how they ended.
type latencies struct {
	mu    sync.Mutex
	taken map[string][]time.Duration
}

func (l *latencies) add(how string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken[how] = append(l.taken[how], d)
}

// p99 returns the 99th percentile of those that ended so, and how many did.
func (l *latencies) p99(how string) (time.Duration, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.taken[how]
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)*99/100], len(all)
}

// TestOverload floods four workers with ten times the calls that they can take, from
// callers who do not wait for each other. A ping is a call to a pool that is not
// there: it goes the same way, and is answered without a look at any queue.
func TestOverload(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts real workers")
	}
	s := startWith(t, filepath.Join("testdata", "overload"))
	s.seen = map[string]*seen{"flooded": {}}
	status, err := s.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pid := status.Supervisor.PID
	before := worker.RSS(pid)
	took := s.flood(length(t), pid)
	ended := time.Now()
	s.exec(t.Context(), "flooded", "echo", kwargs{"value": 1}, client.Timeout(time.Minute))
	back := time.Since(ended)
	ping, _ := took.p99("ping")
	rejected, n := took.p99("rejected")
	accepted, ok := took.p99("ok")
	t.Logf("%d calls offered within %s, %.1f times the capacity of %d workers", took.offered,
		took.within.Round(time.Millisecond), took.overCapacity(), servers)
	t.Logf("%d calls ok, p99 %s; %d rejected, p99 %s, %.1f times that of a ping (%s)", ok, accepted, n, rejected, float64(rejected)/float64(ping), ping)
	t.Logf("at most %d calls were open at one time", took.open)
	t.Logf("the supervisor held %d KiB at most, %d before; a call went through %s after the flood", took.memory>>10, before>>10, back)
	if ok == 0 || n == 0 {
		t.Fatal("the flood was none: nothing was rejected, or all")
	}
	if finished := ok - room; took.offered < times*finished*9/10 { // the queue was emptied afterwards
		t.Errorf("%d calls were offered and %d finished meanwhile, want %d times as many offered", took.offered, finished, times)
	}
	if rejected > slack*ping {
		t.Errorf("a rejection takes %s, want at most %d times a ping, %s", rejected, slack, ping)
	}
	if most := waits + service + slack*ping; accepted > most {
		t.Errorf("a call that was taken takes %s, want at most %s", accepted, most)
	}
	if took.memory > before+growth+took.open*forEach {
		t.Errorf("the supervisor grew from %d to %d bytes for %d calls at one time", before, took.memory, took.open)
	}
	if back > time.Second+slack*ping {
		t.Errorf("a call went through %s after the flood", back)
	}
	s.compare(s.settle())
}

// flood makes one call each time that arrivals passes, whatever becomes of them, and
// waits for all. A tick that comes late makes all the calls that are due: the number of
// calls depends on the clock alone. It looks at the memory of the process pid meanwhile.
func (s *site) flood(during time.Duration, pid int) *flooding {
	f := &flooding{latencies: latencies{taken: map[string][]time.Duration{}}}
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	begun := time.Now()
	var calls sync.WaitGroup
	var open atomic.Int64
	for all := int(during / arrivals); f.offered < all; {
		for due := min(all, int(time.Since(begun)/arrivals)); f.offered < due; f.offered++ {
			ping := f.offered%10 == 0
			f.open = max(f.open, open.Add(1))
			calls.Go(func() {
				defer open.Add(-1)
				s.floodOnce(&f.latencies, ping)
			})
		}
		select {
		case <-pace.C:
		case <-look.C:
			f.memory = max(f.memory, worker.RSS(pid))
		}
	}
	f.within = time.Since(begun)
	calls.Wait()
	f.memory = max(f.memory, worker.RSS(pid))
	return f
}

func (s *site) floodOnce(took *latencies, ping bool) {
	begun := time.Now()
	if ping {
		_, _ = s.client.Exec(s.t.Context(), "nowhere", "echo", nil)
		took.add("ping", time.Since(begun))
	}
	begun = time.Now()
	_, err := s.client.Exec(s.t.Context(), "flooded", "nap", kwargs{"ms": int(service.Milliseconds())})
	spent := time.Since(begun)
	s.seen["flooded"].see(s.t, err)
	var call *client.Error
	switch {
	case err == nil:
		took.add("ok", spent)
	case errors.As(err, &call) && call.Category == pool.CategorySaturated:
		took.add("rejected", spent)
	default:
		took.add(fmt.Sprint(err), spent)
	}
}

// length returns how long the flood lasts.
func length(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SECONDS_OF_FLOOD")
	if text == "" {
		return flooded
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("SECONDS_OF_FLOOD is %q, want a number of seconds", text)
	}
	return time.Duration(n) * time.Second
}
