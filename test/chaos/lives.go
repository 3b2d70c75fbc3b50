package chaos

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/test/harness"
)

// lives follows the supervisors of the instance, one after the other. Only those
// that were told to end may end.
type lives struct {
	client *client.Client
	ledger *ledger

	// mu guards what follows.
	mu sync.Mutex
	// number is even while one supervisor lives and nobody ends it.
	number int
	// told holds the processes that were told to end.
	told map[int]bool
	// pid is the supervisor that answered last; since when says since.
	pid   int
	since time.Time
	seen  int
	last  map[string]client.PoolStatus
	// workers counts the incarnations that were seen.
	workers map[string]bool
}

// settled is how long a supervisor may take to adopt workers before its pools are
// held against their sizes.
const settled = 15 * time.Second

func (l *lives) now() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.number
}

// ending tells that the supervisor with that pid is about to be ended; what it
// returns, that it has been, or that its process lives on: one that was replaced in
// place goes on with its counters.
func (l *lives) ending(pid int) (ended func(livesOn bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	l.told[pid] = true
	return func(livesOn bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !livesOn {
			l.number++
			return
		}
		l.number--
		l.since = time.Now() // its workers connect again
		delete(l.told, pid)
	}
}

// watch samples the supervisor until ctx ends.
func (l *lives) watch(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		limit, cancel := context.WithTimeout(ctx, 2*time.Second)
		status, err := l.client.Status(limit)
		cancel()
		if err == nil {
			l.see(status)
		} else {
			l.miss()
		}
	}
}

// miss looks whether the supervisor that answered last has ended by itself.
func (l *lives) miss() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pid > 0 && !l.told[l.pid] && !harness.Running(l.pid) {
		l.ledger.violate(Lives, "the supervisor with pid %d ended by itself", l.pid)
		l.told[l.pid] = true
	}
}

func (l *lives) see(status *client.Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if pid := status.Supervisor.PID; pid != l.pid {
		if l.pid > 0 && !l.told[l.pid] {
			l.ledger.violate(Lives, "the supervisor with pid %d was replaced by %d, and nobody asked for it", l.pid, pid)
		}
		l.pid, l.since, l.last = pid, time.Now(), nil
		l.seen++
	}
	now := map[string]client.PoolStatus{}
	for _, p := range status.Pools {
		name := p.Address[len("pool."):]
		now[name] = p
		for _, w := range p.Workers {
			if w.Incarnation != "" {
				l.workers[w.Address+"@"+w.Incarnation] = true
			}
		}
		if before, ok := l.last[name]; ok && name != comesAndGoes && falls(before.Calls, p.Calls) {
			l.ledger.violate(Counted, "pool %s counted %+v, then %+v", name, before.Calls, p.Calls)
		}
	}
	l.last = now
	if calm, ok := now[calmPool]; ok && time.Since(l.since) > settled && l.number%2 == 0 && calm.Ready < calmSize {
		l.ledger.violate(Floor, "pool %s has %d ready workers of %d, and nobody took one: %s", calmPool, calm.Ready, calmSize, describe(calm))
	}
}

// falls reports whether a counter is lower than before.
func falls(before, now client.CallCounts) bool {
	return now.OK < before.OK || now.Failed < before.Failed || now.Timeout < before.Timeout || now.Rejected < before.Rejected ||
		now.QueueTimeout < before.QueueTimeout || now.Cancelled < before.Cancelled
}

func describe(p client.PoolStatus) string {
	text := []string{fmt.Sprintf("size %d ready %d busy %d queued %d", p.Size, p.Ready, p.Busy, p.Queued)}
	for _, w := range p.Workers {
		text = append(text, fmt.Sprintf("%s@%s pid %d %s %s", w.Address, w.Incarnation, w.PID, w.State, w.Message))
	}
	return strings.Join(text, "; ")
}
