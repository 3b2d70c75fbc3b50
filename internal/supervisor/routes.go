package supervisor

import (
	"strings"
	"sync/atomic"

	"github.com/snakectl/snakectl/internal/pool"
)

// routes finds the dispatcher of a pool by what a caller wrote. Readers share an
// immutable table; the supervisor replaces it when pools come and go.
type routes struct {
	table atomic.Pointer[routeTable]
}

type routeTable struct {
	// byName holds addresses, bare names and name.key forms.
	byName map[string]*dispatcher
	// fallback takes the calls that name no pool; nil when there is none.
	fallback *dispatcher
	// addresses are the canonical ones, for suggestions.
	addresses []string
}

// set publishes the table of these dispatchers by address.
func (r *routes) set(byAddress map[string]*dispatcher, fallback string) {
	t := &routeTable{byName: map[string]*dispatcher{}, fallback: byAddress[fallback]}
	for addr, d := range byAddress {
		t.byName[addr] = d
		t.byName[bareName(addr)] = d
		t.addresses = append(t.addresses, addr)
	}
	r.table.Store(t)
}

// bareName returns the address without its first word: api, etl["eu"].
func bareName(addr string) string { return addr[len("pool."):] }

// find returns the dispatcher that name means, or the error to answer with.
func (r *routes) find(name []byte) (*dispatcher, *pool.CallError) {
	t := r.table.Load()
	if len(name) == 0 {
		if t.fallback != nil {
			return t.fallback, nil
		}
		return nil, t.noDefault()
	}
	if d := t.byName[string(name)]; d != nil {
		return d, nil
	}
	if addr, err := pool.ParseAddress(string(name)); err == nil {
		if d := t.byName[addr]; d != nil {
			return d, nil
		}
	}
	return nil, t.unknown(string(name))
}

func (t *routeTable) noDefault() *pool.CallError {
	err := pool.NewCallError(pool.CategoryUnknownPool, "the call names no pool, and there is no default pool")
	if len(t.addresses) == 0 {
		err.Hint = "no pool is applied yet: run snakectl apply"
		return err
	}
	err.Hint = "name one of " + pool.ListNames(t.addresses) + ", or set default = true in one of them"
	return err
}

func (t *routeTable) unknown(name string) *pool.CallError {
	err := pool.NewCallError(pool.CategoryUnknownPool, "there is no pool %q", name)
	keyed := t.keyed(name)
	switch near := pool.Nearest(name, t.addresses); {
	case len(t.addresses) == 0:
		err.Hint = "no pool is applied yet: run snakectl apply"
	case len(keyed) > 0:
		err.Hint = "for_each makes one pool for each key; name one of " + pool.ListNames(keyed)
	case near != "":
		err.Hint = "did you mean " + near + "? The pools are " + pool.ListNames(t.addresses)
	default:
		err.Hint = "the pools are " + pool.ListNames(t.addresses)
	}
	return err
}

// keyed returns the addresses that for_each made of one pool block.
func (t *routeTable) keyed(name string) []string {
	base := "pool." + strings.TrimPrefix(name, "pool.") + "["
	var out []string
	for _, addr := range t.addresses {
		if strings.HasPrefix(addr, base) {
			out = append(out, addr)
		}
	}
	return out
}
