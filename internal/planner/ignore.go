package planner

import (
	"maps"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// keepIgnored returns what applying desired would make the accepted spec: where
// ignore_changes names an attribute of a pool that exists, its value stays what was
// accepted, and its size what it is now. It is a pure function and changes none of
// its arguments; what it returns shares memory with them.
func keepIgnored(desired pool.Desired, observed pool.Observed) pool.Desired {
	accepted := observed.Accepted
	if accepted == nil || !slices.ContainsFunc(desired.Pools, func(p pool.Pool) bool { return len(p.IgnoreChanges) > 0 }) {
		return desired
	}
	former := map[string]*pool.Pool{}
	for i := range accepted.Pools {
		former[desired.Follow(accepted.Pools[i].Address())] = &accepted.Pools[i]
	}
	for i := range accepted.Pools { // one that has the address already wins over one that moves there
		former[accepted.Pools[i].Address()] = &accepted.Pools[i]
	}
	desired.Pools = slices.Clone(desired.Pools)
	for i := range desired.Pools {
		p := &desired.Pools[i]
		was := former[p.Address()]
		if was == nil || len(p.IgnoreChanges) == 0 {
			continue
		}
		for _, row := range pool.PoolSchema() {
			if ignores(p, row.Path) {
				p.Keep(row.Path, was)
			}
		}
		if o := observed.Pools[was.Address()].Override; o != nil && ignores(p, "size") {
			p.Size = o.Size
		}
		if _, declared := desired.Runtimes[p.Runtime]; !declared {
			desired.Runtimes = with(desired.Runtimes, p.Runtime, accepted.Runtimes[p.Runtime])
		}
	}
	return desired
}

// ignores reports whether changes of the attribute at path are ignored, by its own
// name or by that of its block.
func ignores(p *pool.Pool, path string) bool {
	return slices.ContainsFunc(p.IgnoreChanges, func(name string) bool {
		return name == path || strings.HasPrefix(path, name+".")
	})
}

func with(runtimes map[string]pool.Runtime, name string, rt pool.Runtime) map[string]pool.Runtime {
	out := map[string]pool.Runtime{name: rt}
	maps.Copy(out, runtimes)
	return out
}
