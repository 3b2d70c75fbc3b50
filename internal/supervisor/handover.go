package supervisor

import (
	"os"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/dispatch"
	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// Handover is what a supervisor leaves to the image of the process that takes its
// place: what is in no file. Connections are descriptors that stay open.
type Handover struct {
	// Lock is the descriptor that holds the instance, Listener the workers' socket.
	Lock     int `json:"lock"`
	Listener int `json:"listener"`

	StartedAt time.Time `json:"started_at"`
	// Replaced is how often the image of the process was replaced before this time.
	Replaced int                     `json:"replaced"`
	EventSeq uint64                  `json:"event_seq"`
	Pools    map[string]PoolHandover `json:"pools"`
	Clients  []ClientHandover        `json:"clients"`
}

// PoolHandover is what is known of a pool since the supervisor started.
type PoolHandover struct {
	Counts pool.CallCounts `json:"counts"`
	Lost   uint64          `json:"lost"`
	Past   lifecycle.Past  `json:"past"`
	// Deaths are the last ones of the places, Suspects the commands that workers died of.
	Deaths   map[int]*pool.Death        `json:"deaths"`
	Suspects map[string]SuspectHandover `json:"suspects"`
	Breaker  dispatch.BreakerPast       `json:"breaker"`
	// Queue names the calls that wait, the first one first.
	Queue []QueuedCall `json:"queue"`
}

// SuspectHandover is a command that so many workers in a row died of.
type SuspectHandover struct {
	Deaths int    `json:"deaths"`
	Last   string `json:"last"`
}

// QueuedCall names a call by its client's index and its stream there.
type QueuedCall struct {
	Client int    `json:"client"`
	Stream uint64 `json:"stream"`
}

// ClientHandover is one client's connection.
type ClientHandover struct {
	FD int `json:"fd"`
	// Greeted is when HELLO was answered, 0 if it was not.
	Greeted int64 `json:"greeted"`
	// Unread holds what the client sent and nobody has acted upon, from the beginning
	// of a frame on; Unsent what waits for it, perhaps from within a frame.
	Unread []byte         `json:"unread"`
	Unsent []byte         `json:"unsent"`
	Calls  []CallHandover `json:"calls"`
	// Refused are the calls whose bodies still come and are dropped.
	Refused []RefusedCall `json:"refused"`
}

// CallHandover is one unanswered call, all of which has arrived.
type CallHandover struct {
	Stream uint64 `json:"stream"`
	ID     string `json:"id"`
	Pool   string `json:"pool"`
	// Worker is the incarnation that executes it, in its slot of that number; empty
	// while it waits.
	Worker     string `json:"worker"`
	Slot       int    `json:"slot"`
	Deadline   int64  `json:"deadline"`
	QueuedAt   int64  `json:"queued_at"`
	SentAt     int64  `json:"sent_at"`
	Idempotent bool   `json:"idempotent"`
	Command    string `json:"command"`
	Priority   uint8  `json:"priority"`
	Attempts   int    `json:"attempts"`
	WaitsSince int64  `json:"waits_since"`
	Waited     int64  `json:"waited"`
	RestsUntil int64  `json:"rests_until"`
	// Trial is the round of the breaker that let it in on trial, 0 for none.
	Trial int `json:"trial"`
	// Asked: it was made through an earlier supervisor, between two moments, and no
	// worker has told of it yet.
	Asked    bool  `json:"asked"`
	Earliest int64 `json:"earliest"`
	Latest   int64 `json:"latest"`
	// Frames are the whole call where it can be sent, for the first time or again.
	Frames []byte `json:"frames"`
}

// RefusedCall is a call that is answered with an error when its last byte came.
type RefusedCall struct {
	Stream uint64          `json:"stream"`
	ID     string          `json:"id"`
	Error  *pool.CallError `json:"error"`
}

// lock returns the file that holds the instance, nil for none.
func (h *Handover) lock() *os.File {
	if h == nil {
		return nil
	}
	return os.NewFile(uintptr(h.Lock), "state.lock") //nolint:gosec // a descriptor fits
}

// clients are the connections of clients. It is safe for concurrent use.
type clients struct {
	brake *brake

	// mu guards links. It is a leaf.
	mu    sync.Mutex
	links map[*clientLink]struct{}
}

func (c *clients) add(l *clientLink) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.links[l] = struct{}{}
}

func (c *clients) remove(l *clientLink) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.links, l)
}

func (c *clients) all() []*clientLink {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*clientLink, 0, len(c.links))
	for l := range c.links {
		out = append(out, l)
	}
	return out
}
