package chaos

import (
	"embed"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// site holds the adapter and the template of the configuration.
//
//go:embed site/adapter.py site/pools.hcl
var site embed.FS

// calmPool is never disturbed itself, and never resized: it is recycled and rolled
// all the time, and must not lose capacity by that.
const calmPool = "calm"

// comesAndGoes is declared by some variants only, so its counters begin anew.
const comesAndGoes = "extra"

var (
	// disturbed are the pools whose workers are disturbed.
	disturbed = []string{"plain", "worn", "aging", "checked", "narrow", "threaded"}
	// declared are the pools that every variant declares.
	declared = append([]string{calmPool}, disturbed...)
	// called are the pools that callers use.
	called = append([]string{comesAndGoes}, declared...)
)

// calmSize is the size of calmPool.
const calmSize = 3

// Variant is a configuration as a pure function of its number. Variant 0 is the
// first and the last one that is applied.
type Variant struct {
	// Version is the adapter's: another one rolls every pool.
	Version int
	// Broken adapters do not start.
	Broken bool
	Extra  bool
	Sizes  map[string]int
	// Healthy is min_healthy_time in milliseconds.
	Healthy int
	// Requests is the max_requests of the pool that has one.
	Requests int
}

// variant returns the configuration of a number.
func variant(number uint64) Variant {
	if number == 0 {
		return Variant{Extra: true, Sizes: map[string]int{"plain": 3, "worn": 2, "aging": 2, "checked": 2, "narrow": 1, "threaded": 2}, Healthy: 50, Requests: 25}
	}
	rng := rand.New(rand.NewPCG(number, 0x76617269))
	v := Variant{
		Version: rng.IntN(3), Broken: rng.IntN(12) == 0, Extra: rng.IntN(2) == 0, Sizes: map[string]int{},
		Healthy: []int{0, 50, 300}[rng.IntN(3)], Requests: []int{10, 25, 60}[rng.IntN(3)],
	}
	for _, name := range disturbed {
		v.Sizes[name] = 1 + rng.IntN(3)
	}
	return v
}

// write puts the configuration into a directory. log is where the adapter notes
// what it executes.
func (v Variant) write(dir, log string) error {
	adapter, err := site.ReadFile("site/adapter.py")
	if err != nil {
		return err
	}
	text := string(adapter) + fmt.Sprintf("\nVERSION = %d\n", v.Version)
	if v.Broken {
		text += "raise RuntimeError(\"this version does not start\")\n"
	}
	pools, err := site.ReadFile("site/pools.hcl")
	if err != nil {
		return err
	}
	declaration := string(pools)
	if v.Extra {
		declaration += "\npool \"extra\" {\n  adapter = \"./adapter.py\"\n  size    = 1\n}\n"
	}
	for name, size := range v.Sizes {
		declaration = strings.ReplaceAll(declaration, "SIZE_"+name, fmt.Sprint(size))
	}
	declaration = strings.NewReplacer(
		"LOG", log, "HEALTHY", fmt.Sprintf("%dms", v.Healthy), "REQUESTS", fmt.Sprint(v.Requests), "SIZE_calm", fmt.Sprint(calmSize),
	).Replace(declaration)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "adapter.py"), []byte(text), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "pools.hcl"), []byte(declaration), 0o600)
}
