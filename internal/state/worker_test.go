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
	dir := t.TempDir()
	s := mustOpen(t, dir)
	all := workers(8)
	for i := range all {
		all[i].Spec.Description = fmt.Sprint("launch ", i/2)
	}
	if err := s.PutWorkers(all); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteWorkers([]string{state.WorkerKey(all[0]), state.WorkerKey(all[1]), state.WorkerKey(all[2])}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(filepath.Join(dir, "state.db"), 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_ = db.View(func(tx *bbolt.Tx) error {
		if got := tx.Bucket([]byte("launches")).Stats().KeyN; got != 3 {
			t.Errorf("%d launches are on record, want 3", got)
		}
		return nil
	})
}
