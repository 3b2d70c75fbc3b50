package pool_test

import (
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
)

func TestPythonVersions(t *testing.T) {
	tests := []struct {
		spec    string
		allows  []string
		refuses []string
		series  string
	}{
		{"3.13", []string{"3.13.0", "3.13.15"}, []string{"3.12.9", "3.14.0", "3.1.3"}, "3.13"},
		{"==3.13", []string{"3.13.4"}, []string{"3.14.0"}, "3.13"},
		{"3.13.2", []string{"3.13.2"}, []string{"3.13.3"}, "3.13.2"},
		{"3", []string{"3.9.0", "3.14.1"}, []string{"4.0.0"}, "3.0"},
		{">=3.12, <3.15", []string{"3.12.0", "3.14.9"}, []string{"3.11.9", "3.15.0"}, "3.12"},
		{">=3.9,!=3.10", []string{"3.9.1", "3.11.0"}, []string{"3.10.0", "3.10.4"}, "3.9"},
		{"~>3.12", []string{"3.12.0", "3.14.0"}, []string{"3.11.0", "4.0.0"}, "3.12"},
		{"<3.12", []string{"3.11.9"}, []string{"3.12.0"}, "3.11"},
		{"3.14t", []string{"3.14.0"}, []string{"3.13.0"}, "3.14t"},
	}
	for _, tt := range tests {
		p, err := pool.ParsePythonVersions(tt.spec)
		if err != nil {
			t.Errorf("ParsePythonVersions(%q) = %v", tt.spec, err)
			continue
		}
		for want, versions := range map[bool][]string{true: tt.allows, false: tt.refuses} {
			for _, text := range versions {
				v, err := pool.ParseVersion(text)
				if err != nil || p.Allows(v) != want {
					t.Errorf("%q allows %s: %v, want %v (%v)", tt.spec, text, p.Allows(v), want, err)
				}
			}
		}
		if got := p.Series(); got != tt.series {
			t.Errorf("%q: Series() = %q, want %q", tt.spec, got, tt.series)
		}
	}
	for _, bad := range []string{"", "three", "3.x", ">=", "3.13,", "3.13tt", "1.2.3.4"} {
		if _, err := pool.ParsePythonVersions(bad); err == nil {
			t.Errorf("ParsePythonVersions(%q) = nil, want an error", bad)
		}
	}
}
