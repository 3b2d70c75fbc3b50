package supervisor

import (
	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// message is what the inbox of a runner takes.
type message interface{ message() }

// configure gives the pool a target. follow, if not nil, is told of progress from
// now on, by the pool loop; it must not block.
type configure struct {
	launch launch
	size   int
	halt   string
	repair bool
	ready  *workerEntry
	// fallback is what a failed roll goes back to; its hash is empty for nothing.
	// promoted and revert are those of lifecycle.Configure.
	fallback launch
	promoted bool
	revert   string
	follow   func(lifecycle.Progress, []lifecycle.Tell)
}

// happening is an event for the machine.
type happening struct{ event lifecycle.Event }

// lived is an event in the life of one worker.
type lived struct {
	worker *workerEntry
	event  pool.WorkerEvent
}

// attend makes follow the pool's follower; see configure.
type attend struct {
	follow func(lifecycle.Progress, []lifecycle.Tell)
}

// ask runs a function in the pool loop, to read what it owns.
type ask struct {
	read func(*runner)
	done chan struct{}
}

func (configure) message() {}
func (happening) message() {}
func (lived) message()     {}
func (attend) message()    {}
func (ask) message()       {}
