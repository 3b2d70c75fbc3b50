package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// disk is what survives a supervisor, as the state file holds it.
type disk struct {
	desired     *pool.Desired
	revision    uint64
	status      pool.RevisionStatus
	overrides   map[string]pool.Override
	workers     map[string]record
	quarantined map[placeKey]string
	paused      map[placeKey]bool
	// forgotten is when the record of a worker was last deleted.
	forgotten time.Duration
	// unrecorded: there may be workers of which there is no record yet.
	unrecorded bool
	// pending holds the operations that have not ended, with their revisions.
	pending map[string]uint64
}

type placeKey struct {
	addr  string
	place int
}

// record is what is known of one worker for its adoption.
type record struct {
	addr    string
	place   int
	id      string
	pid     int
	state   pool.WorkerState
	launch  *launch
	started time.Duration
}

func newDisk() disk {
	return disk{
		overrides: map[string]pool.Override{}, workers: map[string]record{}, quarantined: map[placeKey]string{}, paused: map[placeKey]bool{},
		pending: map[string]uint64{},
	}
}

// sortedWorkers returns the records by the time of their start, as boot wants them.
func (d *disk) sortedWorkers() []record {
	out := make([]record, 0, len(d.workers))
	for _, id := range slices.Sorted(maps.Keys(d.workers)) {
		out = append(out, d.workers[id])
	}
	slices.SortStableFunc(out, func(a, b record) int { return int(a.started - b.started) })
	return out
}

func (d *disk) setOverride(addr string, o *pool.Override) {
	if o == nil {
		delete(d.overrides, addr)
		return
	}
	d.overrides[addr] = *o
}

func (d *disk) setQuarantine(key placeKey, message string) {
	if message == "" {
		delete(d.quarantined, key)
		return
	}
	d.quarantined[key] = message
}

// keeper writes for one supervisor: worker records in one transaction, whatever
// else in one each, behind them. What it has not written is lost in a crash.
type keeper struct {
	s      *supervisor
	put    map[string]record
	del    map[string]bool
	others []func(*disk)
	timed  bool
}

func (k *keeper) wake() {
	if k.timed {
		return
	}
	k.timed = true
	k.s.after(k.s.w.between(200*time.Microsecond, 60*time.Millisecond), func() {
		k.timed = false
		k.flush(len(k.others))
	})
}

// flush writes the worker records and the first of the others.
func (k *keeper) flush(others int) {
	d := &k.s.w.disk
	for id := range k.del {
		delete(d.workers, id)
		d.forgotten = k.s.w.now
	}
	maps.Copy(d.workers, k.put)
	k.put, k.del = map[string]record{}, map[string]bool{}
	now := k.others[:others]
	k.others = k.others[others:]
	for _, fn := range now {
		fn(d)
	}
}

// crash loses what was not written: all of it, or what comes behind some point.
func (k *keeper) crash() {
	if len(k.put) > 0 {
		k.s.w.disk.unrecorded = true
	}
	if n := k.s.w.rng.IntN(len(k.others) + 2); n > 0 {
		k.flush(n - 1)
	}
	k.put, k.del, k.others = nil, nil, nil
}

func (k *keeper) putWorker(r record) {
	k.put[r.id] = r
	k.wake()
}

func (k *keeper) deleteWorker(id string) {
	delete(k.put, id)
	k.del[id] = true
	k.wake()
}

func (k *keeper) later(fn func(*disk)) {
	k.others = append(k.others, fn)
	k.wake()
}
