package supervisor

import (
	"log/slog"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/worker"
)

// between is how long one look at the process table is at least behind another. When a
// hundred workers end one by one, looks without a pause cost as much as their ends.
const between = 50 * time.Millisecond

// sweeper kills what dead workers left behind outside their process groups. The
// dead that come while it looks, and between two looks, share the next one.
type sweeper struct {
	log     *slog.Logger
	lineage string

	// mu guards what follows. It is a leaf.
	mu     sync.Mutex
	dead   map[string]bool
	closed bool

	wake   chan struct{} // holds one token when there is work
	ending chan struct{} // is closed by close
	done   chan struct{}
}

func newSweeper(lineage string, log *slog.Logger) *sweeper {
	return &sweeper{log: log, lineage: lineage, dead: map[string]bool{}, wake: make(chan struct{}, 1), ending: make(chan struct{}), done: make(chan struct{})}
}

func (s *sweeper) run() {
	defer close(s.done)
	for range s.wake {
		s.mu.Lock()
		dead, closed := s.dead, s.closed
		s.dead = map[string]bool{}
		s.mu.Unlock()
		if len(dead) > 0 {
			// Until a look finds nothing: what was found may just have forked.
			for range 5 {
				killed := worker.Sweep(s.lineage, func(incarnation string) bool { return dead[incarnation] })
				if killed == 0 {
					break
				}
				s.log.Warn("killed processes that a dead worker left behind", "count", killed)
			}
		}
		if closed {
			return
		}
		select {
		case <-time.After(between):
		case <-s.ending:
		}
	}
}

func (s *sweeper) add(incarnation string) { s.change(func() { s.dead[incarnation] = true }) }

// close looks once more for what is pending and waits for the end.
func (s *sweeper) close() {
	s.change(func() { s.closed = true })
	close(s.ending)
	<-s.done
}

func (s *sweeper) change(fn func()) {
	s.mu.Lock()
	fn()
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
