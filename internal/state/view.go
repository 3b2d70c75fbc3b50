package state

import (
	"cmp"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// View is the content of a store at one moment.
type View struct {
	Lineage  string
	Revision uint64
	// Accepted is nil while nothing is accepted.
	Accepted    *pool.Desired
	Workers     []pool.Worker
	Overrides   map[string]pool.Override
	Quarantined []Quarantine
	// Named are the keys of the environments that something in the state names; nil where
	// nobody asked.
	Named map[string]bool
	// Heads are the kept revisions, newest first; nil where nobody asked.
	Heads []pool.RevisionHead
	// Notice is a sentence that whoever reads the view should see, such as that it
	// comes from a backup; usually empty.
	Notice string
}

// Observed returns the view as a planner's input. It tells what the store
// remembers, so WorkersObserved is false.
func (v *View) Observed() pool.Observed {
	out := pool.Observed{
		Lineage: v.Lineage, Revision: v.Revision, Accepted: v.Accepted,
		Pools: map[string]pool.ObservedPool{},
	}
	if v.Accepted != nil {
		for i := range v.Accepted.Pools {
			p := &v.Accepted.Pools[i]
			out.Pools[p.Address()] = pool.ObservedPool{Size: p.Size}
		}
	}
	for addr, o := range v.Overrides {
		if p, ok := out.Pools[addr]; ok {
			p.Size, p.Override = o.Size, &o
			out.Pools[addr] = p
		}
	}
	for _, place := range v.places() {
		p := out.Pools[place.pool]
		p.Places = append(p.Places, place.ObservedPlace)
		out.Pools[place.pool] = p
	}
	return out
}

type placed struct {
	pool string
	pool.ObservedPlace
}

// places returns one entry for each place that has a worker or is quarantined,
// in order. Where a place has several workers, the one that serves or will serve
// stands for it.
func (v *View) places() []placed {
	var out []placed
	byAddress := map[string]int{}
	for _, w := range v.Workers {
		if !w.State.Alive() {
			continue
		}
		entry := placed{w.Home(), pool.ObservedPlace{
			Place: w.Place, State: w.State, Incarnation: w.Incarnation, LaunchHash: w.LaunchHash,
		}}
		i, taken := byAddress[pool.WorkerAddress(w.Home(), w.Place)]
		switch {
		case !taken:
			byAddress[pool.WorkerAddress(w.Home(), w.Place)] = len(out)
			out = append(out, entry)
		case leaving(out[i].State) && !leaving(w.State):
			out[i] = entry
		}
	}
	for _, q := range v.Quarantined {
		if _, taken := byAddress[pool.WorkerAddress(q.Pool, q.Place)]; !taken {
			out = append(out, placed{q.Pool, pool.ObservedPlace{
				Place: q.Place, State: pool.WorkerQuarantined, Message: q.Message,
			}})
		}
	}
	slices.SortFunc(out, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.pool, b.pool), cmp.Compare(a.Place, b.Place))
	})
	return out
}

func leaving(s pool.WorkerState) bool {
	return s == pool.WorkerDraining || s == pool.WorkerStopping
}

// View returns what the store holds, read in one transaction.
func (s *Store) View() (*View, error) {
	var out *View
	err := s.view("read the state", func(tx *bbolt.Tx) (err error) {
		out, err = readView(tx)
		return err
	})
	return out, err
}

func readView(tx *bbolt.Tx) (*View, error) {
	var id identity
	if err := need(tx, bucketMeta, keyIdentity, &id); err != nil {
		return nil, err
	}
	rev, err := acceptedRevision(tx)
	if err != nil {
		return nil, err
	}
	v := &View{Lineage: id.Lineage}
	if rev != nil {
		v.Revision, v.Accepted = rev.Number, &rev.Desired
	}
	if v.Workers, err = readWorkers(tx); err != nil {
		return nil, err
	}
	if v.Overrides, err = readOverrides(tx); err != nil {
		return nil, err
	}
	if v.Quarantined, err = readQuarantined(tx); err != nil {
		return nil, err
	}
	var news Recovery
	if _, err := lookup(tx, bucketMeta, keyRecovery, &news); err != nil {
		return nil, err
	}
	v.Notice = news.Message
	return v, nil
}

// reading reads a view in one transaction.
type reading func(tx *bbolt.Tx) (*View, error)

// readNamed returns the environments that the workers of v and the kept revisions name.
func readNamed(tx *bbolt.Tx, v *View) (map[string]bool, error) {
	named := map[string]bool{}
	add := func(rt pool.Runtime) {
		if rt.Environment != nil {
			named[rt.Environment.Key] = true
		}
	}
	for _, w := range v.Workers {
		add(w.Runtime)
	}
	t, err := tableOf(tx, bucketRevisions)
	if err != nil {
		return nil, err
	}
	revisions, err := newest[pool.Revision](t, t.len())
	for _, rev := range revisions {
		for _, rt := range rev.Desired.Runtimes {
			add(rt)
		}
	}
	return named, err
}
