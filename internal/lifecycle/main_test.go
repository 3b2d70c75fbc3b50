package lifecycle_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// TestMain gives the properties the same 500 histories every time, so that a change is
// what makes them fail. To look for new ones, name another seed and more histories:
// go test ./internal/lifecycle -rapid.seed=7 -rapid.checks=20000.
func TestMain(m *testing.M) {
	flag.Parse()
	named := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { named[f.Name] = true })
	for name, value := range map[string]string{"rapid.seed": "1", "rapid.checks": "500"} {
		if named[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}
