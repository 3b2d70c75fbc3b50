package supervisor

import "testing"

func TestUnknownPoolNamesWhatIsMeant(t *testing.T) {
	table := &routeTable{addresses: []string{"pool.text", `pool.units["imperial"]`, `pool.units["metric"]`}}
	tests := []struct{ name, hint string }{
		{"units", `for_each makes one pool for each key; name one of pool.units["imperial"], pool.units["metric"]`},
		{"pool.units", `for_each makes one pool for each key; name one of pool.units["imperial"], pool.units["metric"]`},
		{"tex", `did you mean pool.text? The pools are pool.text, pool.units["imperial"], pool.units["metric"]`},
	}
	for _, test := range tests {
		if got := table.unknown(test.name).Hint; got != test.hint {
			t.Errorf("unknown(%q) hints %q, want %q", test.name, got, test.hint)
		}
	}
}
