package planner

import (
	"slices"
	"strconv"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// Options select what is planned. Resolve checks them.
type Options struct {
	// Destroy plans the end of every pool; the desired spec is ignored.
	Destroy bool `json:"destroy,omitempty"`
	// RefreshOnly accepts the sizes that were set by hand and changes nothing else;
	// the desired spec is ignored.
	RefreshOnly bool `json:"refresh_only,omitempty"`
	// Targets and Exclude are addresses. With targets nothing else is changed; what is
	// excluded is not changed. pool.etl means all instances of it, and a runtime the
	// pools that use it.
	Targets []string `json:"targets,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	// Replace lists pools and workers (pool.api/3) that get new processes though
	// nothing about them differs.
	Replace []string `json:"replace,omitempty"`
}

// Partial reports whether the options leave addresses out.
func (o *Options) Partial() bool { return len(o.Targets)+len(o.Exclude) > 0 }

// IsZero reports whether the options ask for nothing special.
func (o Options) IsZero() bool {
	return !o.Destroy && !o.RefreshOnly && !o.Partial() && len(o.Replace) == 0
}

// names reports whether a pattern of Targets or Exclude means an address.
func names(patterns []string, address string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return p == address || strings.HasPrefix(address, p+"[")
	})
}

// chooses reports whether a pool is to be changed, when it uses those runtimes.
func (o *Options) chooses(address string, runtimes ...string) bool {
	named := func(patterns []string) bool {
		return names(patterns, address) || slices.ContainsFunc(runtimes, func(rt string) bool { return slices.Contains(patterns, rt) })
	}
	return (len(o.Targets) == 0 || named(o.Targets)) && !named(o.Exclude)
}

// replaces reports whether the worker of a place is to be replaced on request.
func (o *Options) replaces(address string, place int) bool {
	return names(o.Replace, address) || slices.Contains(o.Replace, pool.WorkerAddress(address, place))
}

// splitPlace splits pool.api/3 into its pool and place; the place of a pool is -1.
func splitPlace(address string) (string, int) {
	cut := strings.LastIndexByte(address, '/')
	if cut < 0 || strings.HasSuffix(address, "]") {
		return address, -1
	}
	place, err := strconv.Atoi(address[cut+1:])
	if err != nil {
		return address, -1
	}
	return address[:cut], place
}
