package state_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

func TestReadCopyOfNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	v, err := state.ReadCopy(dir)
	if diff := cmp.Diff(&state.View{}, v); diff != "" || err != nil {
		t.Errorf("ReadCopy, %v (-want +got):\n%s", err, diff)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("ReadCopy made the directory: %v", err)
	}
	o := v.Observed()
	if o.Revision != 0 || o.Accepted != nil || o.WorkersObserved || len(o.Pools) != 0 {
		t.Errorf("Observed() of nothing = %+v", o)
	}
}

// TestReadCopyChangesNothing reads a directory whose file is damaged.
func TestReadCopyChangesNothing(t *testing.T) {
	dir := lived(t)
	writeFile(t, []byte("damaged"), dir, "state.db")
	before := listing(t, dir)
	v, err := state.ReadCopy(dir)
	if err != nil || v.Revision != 3 || v.Notice == "" {
		t.Errorf("ReadCopy = %+v, %v, want revision 3 of a backup and a notice", v, err)
	}
	if diff := cmp.Diff(before, listing(t, dir)); diff != "" {
		t.Errorf("the directory changed (-before +after):\n%s", diff)
	}
}

func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		out[e.Name()] = string(readFile(t, dir, e.Name()))
	}
	return out
}

// TestReadCopyWhileTheOwnerWrites takes copies of a file that changes.
func TestReadCopyWhileTheOwnerWrites(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	accept(t, s, 1)
	done := make(chan error)
	stop := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if err := s.PutWorkers(workers(1 + n%40)); err != nil {
				done <- err
				return
			}
		}
	}()
	for range 40 {
		v, err := state.ReadCopy(dir)
		if err != nil || v.Revision != 1 {
			t.Errorf("ReadCopy = %+v, %v, want revision 1", v, err)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Errorf("the owner was disturbed: %v", err)
	}
}

func TestObserved(t *testing.T) {
	worker := func(addr string, place int, incarnation string, s pool.WorkerState) pool.Worker {
		return pool.Worker{Pool: addr, Place: place, Incarnation: incarnation, State: s, LaunchHash: "h" + incarnation}
	}
	place := func(n int, s pool.WorkerState, incarnation string) pool.ObservedPlace {
		return pool.ObservedPlace{Place: n, State: s, Incarnation: incarnation, LaunchHash: "h" + incarnation}
	}
	d := desired(3)
	override := pool.Override{Size: 5, By: "ops@box", At: testTime}
	v := state.View{
		Lineage: "l", Revision: 4, Accepted: &d,
		Overrides: map[string]pool.Override{"pool.api": override, "pool.gone": override},
		Workers: []pool.Worker{
			worker("pool.api", 1, "old", pool.WorkerDraining),
			worker("pool.api", 1, "new", pool.WorkerReady),
			worker("pool.api", 0, "one", pool.WorkerReady),
			worker("pool.api", 2, "stop", pool.WorkerStopping),
			worker("pool.api", 3, "dead", pool.WorkerExited),
			worker("pool.old", 0, "left", pool.WorkerReady),
		},
		Quarantined: []state.Quarantine{
			{Pool: "pool.api", Place: 3, Message: "too often"},
			{Pool: "pool.api", Place: 0, Message: "serves again"},
		},
	}
	want := pool.Observed{
		Lineage: "l", Revision: 4, Accepted: &d,
		Pools: map[string]pool.ObservedPool{
			"pool.api": {Size: 5, Override: &override, Places: []pool.ObservedPlace{
				place(0, pool.WorkerReady, "one"), place(1, pool.WorkerReady, "new"), place(2, pool.WorkerStopping, "stop"),
				{Place: 3, State: pool.WorkerQuarantined, Message: "too often"},
			}},
			`pool.etl["eu"]`: {Size: 2},
			"pool.old":       {Places: []pool.ObservedPlace{place(0, pool.WorkerReady, "left")}},
		},
	}
	if diff := cmp.Diff(want, v.Observed()); diff != "" {
		t.Errorf("Observed() (-want +got):\n%s", diff)
	}
}
