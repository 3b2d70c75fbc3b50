package planner

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// drift lists how the pool as it runs differs from what was accepted.
func (p pair) drift(c census) []Drift {
	var out []Drift
	for _, place := range c.quarantined {
		out = append(out, Drift{
			Address: pool.WorkerAddress(p.address, place.Place),
			Kind:    ReasonQuarantinedPlace,
			Detail:  cmp.Or(place.Message, "its workers died too often"),
		})
	}
	if c.strangers > 0 {
		out = append(out, Drift{
			Address: p.address,
			Kind:    ReasonOtherLaunchHash,
			Detail:  fmt.Sprintf("%d of %s started from another configuration", c.strangers, plural(p.sizeInForce(), "worker was", "workers were")),
		})
	}
	if p.behind {
		out = append(out, Drift{
			Address: p.address,
			Kind:    ReasonNotCarriedOut,
			Detail:  "an apply ended before it came to this pool",
		})
	}
	if o := p.running.Override; o != nil && o.Size != p.old.spec.Size && !ignores(p.new.spec, "size") {
		out = append(out, overrideDrift(p.address, p.old.spec.Size, o))
	}
	return out
}

// overrideDrift tells of a size that somebody set by hand.
func overrideDrift(address string, accepted int, o *pool.Override) Drift {
	d := Drift{
		Address: address, Kind: ReasonOverridePresent, By: o.By, At: &o.At,
		Detail: fmt.Sprintf("size %d -> %d set by %s at %s", accepted, o.Size, o.By, o.At.UTC().Format(time.RFC3339)),
	}
	if !o.Until.IsZero() {
		d.Until = &o.Until
		d.Detail += ", ends at " + o.Until.UTC().Format(time.RFC3339)
	}
	return d
}

// runtimeDrift lists the runtimes that pools use and whose interpreter became
// another one at the same path.
func runtimeDrift(accepted, desired pool.Desired) []Drift {
	used := map[string]bool{}
	for i := range desired.Pools {
		used[desired.Pools[i].Runtime] = true
	}
	out := []Drift{}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		was, known := accepted.Runtimes[name]
		is, found := desired.Runtimes[name]
		if !known || !found || was.Interpreter != is.Interpreter || was.Fingerprint == is.Fingerprint {
			continue
		}
		if was.Version == is.Version && (was.Environment != nil || is.Environment != nil) {
			continue // its packages changed, which is no drift
		}
		detail := fmt.Sprintf("%s is another build of Python %s", is.Interpreter, is.Version)
		if was.Version != is.Version {
			detail = fmt.Sprintf("%s was Python %s and is %s", is.Interpreter, was.Version, is.Version)
		}
		out = append(out, Drift{Address: name, Kind: ReasonRuntimeChanged, Detail: detail})
	}
	return out
}

// reasons returns why c changes its pool, each reason once, in a fixed order.
func reasons(c Change, drift []Drift) []Reason {
	out := []Reason{}
	add := func(r Reason) {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	if c.From != "" {
		add(ReasonMoved)
	}
	for _, a := range c.Attributes {
		if !ofRuntime(a.Path) {
			add(ReasonAttrChanged)
		}
	}
	if c.Size != c.OldSize && !slices.ContainsFunc(drift, func(d Drift) bool { return d.Kind == ReasonOverridePresent }) {
		add(ReasonAttrChanged) // accepted before, and not carried out
	}
	for _, a := range c.Attributes {
		if ofRuntime(a.Path) {
			add(ReasonRuntimeChanged)
		}
	}
	if len(c.Files) > 0 {
		add(ReasonCodeChanged)
	}
	for _, d := range drift {
		switch {
		case d.Kind == ReasonQuarantinedPlace && len(c.Places) == 0:
		case d.Kind == ReasonOtherLaunchHash && c.Workers.Replace == 0:
		case d.Kind == ReasonOverridePresent && c.Size == c.OldSize:
		default:
			add(d.Kind)
		}
	}
	return out
}

// plural returns the count with the word that fits it.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
