package load

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

const (
	// service is how long a call of the flood executes; four workers take
	// 4/service of them in a second, and ten times as many come.
	service  = 40 * time.Millisecond
	arrivals = service / 40
	// waits is queue.timeout of the pool.
	waits = time.Second
	// flooded is how long the flood lasts, unless SECONDS_OF_FLOOD says otherwise.
	flooded = 6 * time.Second
	// slack is how many times a ping a rejection may take, each at its p99; growth
	// bounds what the supervisor's memory may grow by.
	slack  = 20
	growth = 64 << 20
)

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
	took := s.flood(length(t))
	ended := time.Now()
	s.exec(t.Context(), "flooded", "echo", kwargs{"value": 1}, client.Timeout(time.Minute))
	back := time.Since(ended)
	after := worker.RSS(pid)
	ping, _ := took.p99("ping")
	rejected, n := took.p99("rejected")
	accepted, ok := took.p99("ok")
	t.Logf("%d calls ok, p99 %s; %d rejected, p99 %s, %.1f times that of a ping (%s)", ok, accepted, n, rejected, float64(rejected)/float64(ping), ping)
	t.Logf("the supervisor holds %d KiB, %d before; a call went through %s after the flood", after>>10, before>>10, back)
	if ok == 0 || n == 0 {
		t.Fatal("the flood was none: nothing was rejected, or all")
	}
	if rejected > slack*ping {
		t.Errorf("a rejection takes %s, want at most %d times a ping, %s", rejected, slack, ping)
	}
	if most := waits + service + slack*ping; accepted > most {
		t.Errorf("a call that was taken takes %s, want at most %s", accepted, most)
	}
	if after > before+growth {
		t.Errorf("the supervisor grew from %d to %d bytes", before, after)
	}
	if back > time.Second+slack*ping {
		t.Errorf("a call went through %s after the flood", back)
	}
	s.compare(s.settle())
}

// flood makes calls at a fixed pace, whatever becomes of them, and waits for all.
func (s *site) flood(during time.Duration) *latencies {
	took := &latencies{taken: map[string][]time.Duration{}}
	pace := time.NewTicker(arrivals)
	defer pace.Stop()
	end := time.After(during)
	var calls sync.WaitGroup
	for i := 0; ; i++ {
		select {
		case <-pace.C:
			calls.Go(func() { s.floodOnce(took, i%10 == 0) })
		case <-end:
			calls.Wait()
			return took
		}
	}
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
