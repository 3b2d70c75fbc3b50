package supervisor

import (
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
)

// What is paused of a pool is found by addresses, of which one may be the beginning
// of another, and only its own.
func TestHoldOfPool(t *testing.T) {
	eu := pool.Address("etl", "eu/3")
	p := pauses{byAddress: map[string]pool.Pause{
		"pool.api": {By: "a"}, "pool.api/0": {By: "b"}, "pool.api/12": {By: "c"}, "pool.api2/1": {By: "d"},
		pool.WorkerAddress(eu, 3): {By: "e"},
	}}
	tests := []struct {
		addr   string
		whole  string
		places map[int]string
	}{
		{"pool.api", "a", map[int]string{0: "b", 12: "c"}},
		{"pool.api2", "", map[int]string{1: "d"}},
		{eu, "", map[int]string{3: "e"}},
		{"pool.other", "", nil},
	}
	for _, tt := range tests {
		h := p.holdOf(tt.addr)
		if whole := h.pool; (whole != nil) != (tt.whole != "") || whole != nil && whole.By != tt.whole {
			t.Errorf("holdOf(%s).pool = %v, want by %q", tt.addr, whole, tt.whole)
		}
		if len(h.places) != len(tt.places) {
			t.Errorf("holdOf(%s).places = %v, want %v", tt.addr, h.places, tt.places)
		}
		for place, by := range tt.places {
			if h.places[place].By != by {
				t.Errorf("holdOf(%s).places[%d] = %v, want by %q", tt.addr, place, h.places[place], by)
			}
		}
	}
}
