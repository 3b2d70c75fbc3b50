package pool_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/snakectl/snakectl/internal/pool"
)

func TestParseAddress(t *testing.T) {
	tests := []struct{ text, want string }{
		{"api", "pool.api"},
		{"pool.api", "pool.api"},
		{`pool.etl["eu"]`, `pool.etl["eu"]`},
		{"pool.etl.eu", `pool.etl["eu"]`},
		{"etl.eu", `pool.etl["eu"]`},
		{`etl["a/b]c"]`, `pool.etl["a/b]c"]`},
		{`etl["a\"b"]`, `pool.etl["a\"b"]`},
		{"", ""},
		{"pool.", ""},
		{"9lives", ""},
		{"api/3", ""},
		{"etl[eu]", ""},
		{`etl[""]`, ""},
		{`etl["eu"`, ""},
		{"etl.", ""},
		{strings.Repeat("a", 64), ""},
	}
	for _, tt := range tests {
		got, err := pool.ParseAddress(tt.text)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("ParseAddress(%q) = %q, %v, want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestParseWorkerRef(t *testing.T) {
	tests := []struct {
		text string
		want pool.WorkerRef
	}{
		{"api", pool.WorkerRef{Pool: "pool.api", Place: -1}},
		{"api/3", pool.WorkerRef{Pool: "pool.api", Place: 3}},
		{"pool.api/3@7f2c", pool.WorkerRef{Pool: "pool.api", Place: 3, Incarnation: "7f2c"}},
		{`pool.etl["a/b"]/0`, pool.WorkerRef{Pool: `pool.etl["a/b"]`}},
	}
	for _, tt := range tests {
		if got, err := pool.ParseWorkerRef(tt.text); err != nil || got != tt.want {
			t.Errorf("ParseWorkerRef(%q) = %+v, %v, want %+v", tt.text, got, err, tt.want)
		}
	}
	for _, text := range []string{"", "/3", "api/", "api/x", "api/-1", "api/70000", "api/1@", "api/1/2"} {
		if got, err := pool.ParseWorkerRef(text); err == nil {
			t.Errorf("ParseWorkerRef(%q) = %+v, want an error", text, got)
		}
	}
}

// What the program writes for any pool and place, it reads back.
func TestAddressRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Za-z][A-Za-z0-9_-]{0,62}`).Draw(t, "name")
		key := rapid.String().Draw(t, "key")
		place := rapid.IntRange(0, 9999).Draw(t, "place")
		addr := pool.Address(name, key)
		if got, err := pool.ParseAddress(addr); err != nil || got != addr {
			t.Fatalf("ParseAddress(%s) = %q, %v", addr, got, err)
		}
		ref, err := pool.ParseWorkerRef(pool.Incarnate(pool.WorkerAddress(addr, place), "7f2c"))
		if want := (pool.WorkerRef{Pool: addr, Place: place, Incarnation: "7f2c"}); err != nil || ref != want {
			t.Fatalf("ParseWorkerRef = %+v, %v, want %+v", ref, err, want)
		}
	})
}

func FuzzParseWorkerRef(f *testing.F) {
	for _, seed := range []string{"api/3@7f2c", `pool.etl["a/b"]/0`, `x["\`, "etl.eu/1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := pool.ParseWorkerRef(s)
		if err != nil {
			return
		}
		text := ref.Pool
		if ref.Place >= 0 {
			text = pool.WorkerAddress(text, ref.Place)
			if ref.Incarnation != "" {
				text = pool.Incarnate(text, ref.Incarnation)
			}
		}
		if again, err := pool.ParseWorkerRef(text); err != nil || again != ref {
			t.Errorf("%q reads as %+v, written %q, reads as %+v, %v", s, ref, text, again, err)
		}
	})
}
