package state_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
)

func TestPausesSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	pauses := map[string]pool.Pause{
		"pool.api":   {By: "ops@box", At: testTime},
		"pool.etl/3": {By: "dev@box", At: testTime},
	}
	for addr, p := range pauses {
		if err := s.SetPause(addr, &p); err != nil {
			t.Fatal(err)
		}
	}
	for _, left := range []map[string]pool.Pause{pauses, {"pool.etl/3": pauses["pool.etl/3"]}, {}} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = mustOpen(t, dir)
		got, err := s.Pauses()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(left, got); diff != "" {
			t.Errorf("pauses (-want +got):\n%s", diff)
		}
		ended := "pool.api"
		if len(left) == 1 {
			ended = "pool.etl/3"
		}
		if err := s.SetPause(ended, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
