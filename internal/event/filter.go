package event

import (
	"fmt"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// Filter chooses events. Its zero value takes all of them.
type Filter struct {
	prefixes []string
	pools    []string
}

// ParseFilter reads terms: the beginning of a type ("worker.", "pool.ready"), or
// pool=ADDRESS. An event must match one of the types, if there are any, and one of
// the pools, if there are any.
func ParseFilter(terms []string) (Filter, error) {
	var f Filter
	for _, term := range terms {
		if name, ok := strings.CutPrefix(term, "pool="); ok {
			addr, err := pool.ParseAddress(name)
			if err != nil {
				return Filter{}, err
			}
			f.pools = append(f.pools, addr)
			continue
		}
		known := func(kind string) bool { return strings.HasPrefix(kind, term) }
		if term == "" || !slices.ContainsFunc(Kinds(), known) {
			return Filter{}, fmt.Errorf("no type of event begins with %q: choose from %s, or pool=ADDRESS", term, strings.Join(Kinds(), ", "))
		}
		f.prefixes = append(f.prefixes, term)
	}
	return f, nil
}

// Match reports whether the filter takes the event.
func (f Filter) Match(b Body) bool {
	return f.takes(b.Type()) && (len(f.pools) == 0 || slices.Contains(f.pools, b.Address()))
}

func (f Filter) takes(kind string) bool {
	if len(f.prefixes) == 0 {
		return true
	}
	return slices.ContainsFunc(f.prefixes, func(p string) bool { return strings.HasPrefix(kind, p) })
}

// requests reports whether the filter may take an event of a request.
func (f Filter) requests() bool {
	return slices.ContainsFunc(Kinds(), func(kind string) bool { return isRequest(kind) && f.takes(kind) })
}

func isRequest(kind string) bool { return strings.HasPrefix(kind, "request.") }
