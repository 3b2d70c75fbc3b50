package pool_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/snakectl/snakectl/internal/pool"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]pool.Size{
		"512MiB": 512 << 20, "1GB": 1e9, "1.5KiB": 1536, "100B": 100, "4096": 4096, "2 GiB": 2 << 30,
		"": -1, "MiB": -1, "-1MiB": -1, "1e3": -1, "0x10": -1, "inf": -1, "9999999TiB": -1, "1 m": -1,
	} {
		got, err := pool.ParseSize(text)
		if want < 0 && err == nil || want >= 0 && (err != nil || got != want) {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestSizeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := pool.Size(rapid.Int64Range(0, 1<<50).Draw(t, "size"))
		if got, err := pool.ParseSize(size.String()); err != nil || got != size {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", size, got, err, size)
		}
	})
}

func TestShare(t *testing.T) {
	for text, want := range map[string][3]int{ // of 1, 8 and 10 workers
		"25%": {1, 2, 2}, "1%": {1, 1, 1}, "100%": {1, 8, 10}, "3": {3, 3, 3}, "0": {0, 0, 0},
	} {
		share, err := pool.ParseShare(text)
		if err != nil || share.String() != text {
			t.Errorf("ParseShare(%q) = %v, %v", text, share, err)
		}
		if got := [3]int{share.Of(1), share.Of(8), share.Of(10)}; got != want {
			t.Errorf("%s of 1, 8 and 10 workers is %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{"", "0%", "101%", "-1", "1.5", "%", "x"} {
		if share, err := pool.ParseShare(text); err == nil {
			t.Errorf("ParseShare(%q) = %v, want an error", text, share)
		}
	}
}
