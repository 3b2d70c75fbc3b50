package spec

import (
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// dependencies is the graph of depends_on.
type dependencies struct {
	desired *pool.Desired
	// names are the addresses, and those of whole families, sorted.
	names    []string
	families map[string][]string
}

func newDependencies(d *pool.Desired) *dependencies {
	g := &dependencies{desired: d, families: map[string][]string{}}
	for i := range d.Pools {
		p := &d.Pools[i]
		family := pool.Address(p.Name, "")
		g.families[family] = append(g.families[family], p.Address())
		if p.Key != "" {
			g.families[p.Address()] = []string{p.Address()}
		}
	}
	for name := range g.families {
		g.names = append(g.names, name)
	}
	slices.Sort(g.names)
	return g
}

// resolve returns the addresses that names stand for, sorted, and the names that
// stand for nothing.
func (g *dependencies) resolve(names []string) (addresses, unknown []string) {
	addresses = []string{}
	for _, name := range names {
		found, ok := g.families[name]
		if !ok {
			unknown = append(unknown, name)
		}
		addresses = append(addresses, found...)
	}
	slices.Sort(addresses)
	return slices.Compact(addresses), unknown
}

// circle returns addresses that depend on each other, the first one again at the
// end; nil when there are none.
func (g *dependencies) circle() []string {
	after := map[string][]string{}
	for i := range g.desired.Pools {
		after[g.desired.Pools[i].Address()] = g.desired.Pools[i].DependsOn
	}
	done := map[string]bool{}
	var path []string
	var visit func(addr string) []string
	visit = func(addr string) []string {
		if i := slices.Index(path, addr); i >= 0 {
			return append(slices.Clone(path[i:]), addr)
		}
		if done[addr] {
			return nil
		}
		path = append(path, addr)
		for _, next := range after[addr] {
			if found := visit(next); found != nil {
				return found
			}
		}
		path = path[:len(path)-1]
		done[addr] = true
		return nil
	}
	for i := range g.desired.Pools {
		if found := visit(g.desired.Pools[i].Address()); found != nil {
			return found
		}
	}
	return nil
}

func chain(addresses []string) string { return strings.Join(addresses, " -> ") }

// ignorable reports whether changes of an attribute can be ignored.
func ignorable(row *pool.Row) bool {
	return row.Effect != pool.EffectAddress && row.Effect != pool.EffectPlan
}

// matchesAny reports whether a name is one of the paths, or a block that holds one.
func matchesAny(name string, paths []string) bool {
	return slices.ContainsFunc(paths, func(path string) bool { return path == name || strings.HasPrefix(path, name+".") })
}
