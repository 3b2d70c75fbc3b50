package state_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

func TestWorkersSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	all := workers(12)
	other := workers(1)[0]
	other.Pool, other.Spec.Adapter = `pool.etl["a/b@c"]`, "other:Adapter"
	if err := s.PutWorkers(append([]pool.Worker{other}, all...)); err != nil {
		t.Fatal(err)
	}
	gone, changed := all[3], all[5]
	changed.State = pool.WorkerDraining
	if err := s.ApplyWorkers([]pool.Worker{changed}, []string{state.WorkerKey(gone), "pool.none/0@0000"}); err != nil {
		t.Fatal(err)
	}
	want := append([]pool.Worker(nil), all[:3]...)
	want = append(append(want, all[4], changed), all[6:]...)
	want = append(want, other)
	check := func() {
		t.Helper()
		got, err := s.Workers()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("Workers, %v (-want +got):\n%s", err, diff)
		}
	}
	check()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	check()
	if err := s.DeleteWorkers([]string{state.WorkerKey(other)}); err != nil {
		t.Fatal(err)
	}
	want = want[:len(want)-1]
	check()
}

// TestTwoIncarnationsOfAPlace is a rolling replace: the new worker and the old
// one are on record at once.
func TestTwoIncarnationsOfAPlace(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	old, young := workers(1)[0], workers(1)[0]
	old.Incarnation, young.Incarnation, young.LaunchHash = "aaaa", "0bbb", "new"
	if err := s.PutWorkers([]pool.Worker{old, young}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Workers(); len(got) != 2 || err != nil {
		t.Fatalf("Workers() = %+v, %v, want two", got, err)
	}
	if err := s.DeleteWorkers([]string{state.WorkerKey(old)}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Workers()
	if diff := cmp.Diff([]pool.Worker{young}, got); diff != "" || err != nil {
		t.Errorf("Workers, %v (-want +got):\n%s", err, diff)
	}
}

func TestOverridesAndQuarantine(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	why := "exited 137 (killed: out of memory) 3 times in 60s"
	set := func(addr string, place int, message *string) {
		t.Helper()
		if err := s.SetQuarantine(addr, place, message); err != nil {
			t.Fatal(err)
		}
	}
	override := pool.Override{Size: 9, By: "ops@box", At: testTime}
	for _, addr := range []string{"pool.api", "pool.etl"} {
		if err := s.SetOverride(addr, &override); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetOverride("pool.etl", nil); err != nil {
		t.Fatal(err)
	}
	set("pool.api", 10, &why)
	set("pool.api", 9, &why)
	set("pool.etl", 0, &why)
	set("pool.etl", 0, nil)
	set("pool.etl", 1, nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	overrides, err := s.Overrides()
	if diff := cmp.Diff(map[string]pool.Override{"pool.api": override}, overrides); diff != "" || err != nil {
		t.Errorf("Overrides, %v (-want +got):\n%s", err, diff)
	}
	places, err := s.Quarantined()
	want := []state.Quarantine{
		{Pool: "pool.api", Place: 9, Message: why, At: testTime},
		{Pool: "pool.api", Place: 10, Message: why, At: testTime},
	}
	if diff := cmp.Diff(want, places); diff != "" || err != nil {
		t.Errorf("Quarantined, %v (-want +got):\n%s", err, diff)
	}
}

// TestLaunchesAreSwept looks into the file: what no worker was launched with any
// more must not pile up.
func TestLaunchesAreSwept(t *testing.T) {
	launched := func() []pool.Worker {
		all := workers(8)
		for i := range all {
			all[i].Spec.Description = fmt.Sprint("launch ", i/2)
		}
		return all
	}
	key := func(i int) string { return state.WorkerKey(launched()[i]) }
	again := func(i, launch int) pool.Worker {
		w := launched()[i]
		w.Spec.Description = fmt.Sprint("launch ", launch)
		return w
	}
	for _, test := range []struct {
		name string
		put  []pool.Worker
		del  []string
		want int
	}{
		{"the last worker goes", nil, []string{key(0), key(1), key(2)}, 3},
		{"one worker is left", nil, []string{key(0)}, 4},
		{"both turn to another", []pool.Worker{again(0, 1), again(1, 1)}, nil, 3},
		{"another takes it up", []pool.Worker{again(2, 0)}, []string{key(0), key(1)}, 4},
		{"all go", nil, []string{key(0), key(1), key(2), key(3), key(4), key(5), key(6), key(7)}, 0},
		{"all but those of one", nil, []string{key(0), key(1), key(2), key(3), key(4), key(5)}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			if err := s.PutWorkers(launched()); err != nil {
				t.Fatal(err)
			}
			if err := s.ApplyWorkers(test.put, test.del); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if got := recordsIn(t, dir, "launches"); got != test.want {
				t.Errorf("%d launches are on record, want %d", got, test.want)
			}
		})
	}
}

// recordsIn counts the records of a bucket in a closed state file.
func recordsIn(t *testing.T, dir, bucket string) (n int) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, "state.db"), 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_ = db.View(func(tx *bbolt.Tx) error {
		n = tx.Bucket([]byte(bucket)).Stats().KeyN
		return nil
	})
	return n
}
