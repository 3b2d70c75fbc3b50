package pool_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/snakectl/snakectl/internal/pool"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		text string
		want time.Duration
		back string
	}{
		{"0s", 0, "0s"},
		{"250ms", 250 * time.Millisecond, "250ms"},
		{"30s", 30 * time.Second, "30s"},
		{"90s", 90 * time.Second, "1m30s"},
		{"1h30m", 90 * time.Minute, "1h30m"},
		{"60m", time.Hour, "1h"},
		{"2d", 2 * day, "2d"},
		{"2d12h", 2*day + 12*time.Hour, "2d12h"},
		{"36h", 36 * time.Hour, "1d12h"},
		{"1.5s", 1500 * time.Millisecond, "1.5s"},
	}
	for _, tt := range tests {
		d, err := pool.ParseDuration(tt.text)
		if err != nil || d.D() != tt.want || d.String() != tt.back {
			t.Errorf("ParseDuration(%q) = %s (%d), %v, want %s (%d)", tt.text, d, d, err, tt.back, tt.want)
		}
	}
	for _, text := range []string{"", "30", "-1s", "1 s", "s", "d", "-1d", "1d-1s", "1h2d", "1d2d", "99999d", "1w", "1e3s", "1d1d1s"} {
		if d, err := pool.ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %s, want an error", text, d)
		}
	}
}

func TestDurationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := pool.Duration(rapid.Int64Range(0, int64(60_000*24*time.Hour)).Draw(t, "d"))
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back pool.Duration
		if err := json.Unmarshal(b, &back); err != nil || back != d {
			t.Fatalf("%s comes back as %d, %v, want %d", b, back, err, d)
		}
	})
}
