package lifecycle_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// TestPast: a machine that goes on with what another one remembered waits as long
// before it fills a place, and counts the failures on to the quarantine.
func TestPast(t *testing.T) {
	w := settled(t, 2, nil)
	w.broken["a"] = true
	w.exit("w1", "exited with status 3")
	w.runUntil(func() bool { return w.m.View().Restarts == 3 }, time.Minute)
	text, err := json.Marshal(w.m.Past())
	if err != nil {
		t.Fatal(err)
	}
	var past lifecycle.Past
	if err := json.Unmarshal(text, &past); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.m.Past(), past); diff != "" {
		t.Fatalf("what was read back differs (-want +got):\n%s", diff)
	}
	left := w.m.View()

	w.m = lifecycle.New(w.newID)
	w.step(lifecycle.Adopt{Worker: "w2", Place: 1, Launch: "a"})
	w.step(lifecycle.Recall{Past: past})
	w.configure("a", 2, nil)
	w.step(lifecycle.Happened{Worker: "w2", Event: pool.WorkerReturned})
	got := w.m.View()
	if got.Restarts != 3 || !got.Places[0].NotBefore.Equal(left.Places[0].NotBefore) || got.Places[0].LastDeath != left.Places[0].LastDeath {
		t.Errorf("%+v went on as %+v", left.Places[0], got.Places[0])
	}
	w.run(30 * time.Second)
	want := "4 failures within 1m, the last: exited with status 1"
	if got := w.m.View().Places[0].Quarantined; got != want {
		t.Errorf("place 0 is quarantined with %q, want %q", got, want)
	}
}
