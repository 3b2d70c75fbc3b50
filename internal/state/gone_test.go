package state_test

import (
	"testing"

	"github.com/snakectl/snakectl/internal/state"
)

// TestUnrecorded: an owner that ends while workers are not recorded has forgotten them,
// as if their records had been deleted at the next one's start.
func TestUnrecorded(t *testing.T) {
	now := int64(0)
	options := state.Options{Clock: func() state.Moment {
		now++
		return state.Moment{BootID: "boot", NS: now}
	}}
	for name, c := range map[string]struct {
		leave func(*state.Store) error
		want  int64
	}{
		"all are recorded": {func(s *state.Store) error { return s.SetUnrecorded(false) }, 0},
		"some are not":     {func(*state.Store) error { return nil }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			now = 0
			dir := t.TempDir()
			s, _, err := state.Open(dir, options)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.SetUnrecorded(true); err != nil {
				t.Fatal(err)
			}
			if err := c.leave(s); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second owner finds nothing new
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if s, _, err = state.Open(dir, options); err != nil {
					t.Fatal(err)
				}
				if err := s.ForgetUnrecorded(); err != nil {
					t.Fatal(err)
				}
				if at, err := s.LastForgotten(); err != nil || at.NS != c.want {
					t.Errorf("LastForgotten = %+v, %v, want %d", at, err, c.want)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
