package planner

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// Resolve returns the spec that becomes the accepted one when opts are obeyed: the
// desired one, or what they leave of it. It is what Decide and an apply are given. An
// error says what about the options cannot be done.
func Resolve(desired pool.Desired, observed pool.Observed, opts Options) (pool.Desired, error) {
	accepted := acceptedOf(observed)
	if err := opts.check(&accepted, &desired, observed); err != nil {
		return pool.Desired{}, err
	}
	switch {
	case opts.RefreshOnly:
		return refreshed(accepted, observed), nil
	case opts.Destroy:
		desired = pool.Desired{Settings: accepted.Settings, Runtimes: map[string]pool.Runtime{}}
	}
	desired = keepIgnored(desired, observed)
	if !opts.Partial() {
		return desired, nil
	}
	return merge(accepted, desired, func(address string, runtimes []string) bool { return opts.chooses(address, runtimes...) })
}

// Rebase returns the accepted spec with the addresses that a plan changes as desired
// has them: what others applied elsewhere since the plan was made is kept.
func Rebase(desired pool.Desired, observed pool.Observed, plan Plan) (pool.Desired, error) {
	return merge(acceptedOf(observed), desired, func(address string, runtimes []string) bool {
		return slices.ContainsFunc(plan.Changes, func(c Change) bool {
			return c.Address == address || slices.Contains(runtimes, c.Address)
		})
	})
}

// acceptedOf returns the accepted spec; before the first apply it has no pool.
func acceptedOf(observed pool.Observed) pool.Desired {
	if observed.Accepted != nil {
		return *observed.Accepted
	}
	return pool.Desired{Settings: defaultSettings(), Runtimes: map[string]pool.Runtime{}}
}

// refreshed returns the accepted spec with the sizes that were set by hand.
func refreshed(accepted pool.Desired, observed pool.Observed) pool.Desired {
	accepted.Pools = slices.Clone(accepted.Pools)
	for i := range accepted.Pools {
		p := &accepted.Pools[i]
		o := observed.Pools[p.Address()].Override
		if o == nil || o.Size == p.Size {
			continue
		}
		p.Size = o.Size
		if !p.IsSet("size") {
			p.Set = slices.Sorted(slices.Values(append(slices.Clone(p.Set), "size")))
		}
	}
	return accepted
}

// merge returns accepted with the chosen addresses as desired has them. A runtime that
// chosen pools and others share can only be one of the two: that is an error where it
// differs.
func merge(accepted, desired pool.Desired, chosen func(address string, runtimes []string) bool) (pool.Desired, error) {
	out := pool.Desired{Settings: accepted.Settings, Runtimes: map[string]pool.Runtime{}, Moved: desired.Moved}
	moves := renames(&accepted, &desired)
	if chosen(SettingsAddress, nil) {
		out.Settings = desired.Settings
	}
	users := map[string]string{} // by runtime, a pool that uses it as out has it
	var problems []error
	runtimes := runtimesOf(&accepted, &desired)
	take := func(p *pool.Pool, from *pool.Desired) {
		out.Pools = append(out.Pools, *p)
		rt := from.Runtimes[p.Runtime]
		if had, taken := out.Runtimes[p.Runtime]; taken && !reflect.DeepEqual(had, rt) {
			problems = append(problems, fmt.Errorf(
				"%s changes for %s and %s at one time: name both or none of them", p.Runtime, users[p.Runtime], p.Address()))
		}
		out.Runtimes[p.Runtime], users[p.Runtime] = rt, p.Address()
	}
	for i := range desired.Pools {
		p := &desired.Pools[i]
		if chosen(p.Address(), runtimes[p.Address()]) {
			take(p, &desired)
		}
	}
	for i := range accepted.Pools {
		p := &accepted.Pools[i]
		address := cmp.Or(moves[p.Address()], p.Address()) // one that moves is chosen by its new name
		if !chosen(address, runtimes[p.Address()]) {
			take(p, &accepted)
		}
	}
	out.Sort()
	return out, errors.Join(problems...)
}

// runtimesOf returns the runtimes that each pool has in any of the specs, by address.
func runtimesOf(specs ...*pool.Desired) map[string][]string {
	out := map[string][]string{}
	for _, d := range specs {
		for i := range d.Pools {
			p := &d.Pools[i]
			out[p.Address()] = append(out[p.Address()], p.Runtime)
		}
	}
	return out
}

// check says what about the options cannot be done.
func (o *Options) check(accepted, desired *pool.Desired, observed pool.Observed) error {
	if o.RefreshOnly && (o.Destroy || o.Partial() || len(o.Replace) > 0) {
		return errors.New("a refresh accepts what was set by hand and changes nothing else: leave out destroy, targets and replacements")
	}
	if o.Destroy && len(o.Replace) > 0 {
		return errors.New("a destroy replaces no worker: leave the replacements out")
	}
	known := knownAddresses(accepted, desired, observed)
	for _, address := range slices.Concat(o.Targets, o.Exclude) {
		if !slices.ContainsFunc(known, func(k string) bool { return names([]string{address}, k) }) {
			return unknown(address, known)
		}
	}
	for _, address := range o.Replace {
		if err := o.checkReplace(address, known, accepted, desired); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) checkReplace(address string, known []string, accepted, desired *pool.Desired) error {
	name, place := splitPlace(address)
	pools := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return !strings.HasPrefix(k, "pool.") || !names([]string{name}, k) })
	if len(pools) == 0 {
		return unknown(name, known)
	}
	for _, p := range pools {
		was, is := accepted.Pool(p), desired.Pool(p)
		switch {
		case was == nil:
			return fmt.Errorf("cannot replace workers of %s: it is not applied yet", p)
		case is == nil:
			return fmt.Errorf("cannot replace workers of %s: the configuration does not have it any more", p)
		case place >= min(was.Size, is.Size):
			return fmt.Errorf("cannot replace %s: the places of %s are numbered from 0 to %d", address, p, min(was.Size, is.Size)-1)
		case !o.chooses(p, was.Runtime, is.Runtime):
			return fmt.Errorf("cannot replace %s: the plan leaves %s out", address, p)
		}
	}
	return nil
}

// knownAddresses lists what options may name.
func knownAddresses(accepted, desired *pool.Desired, observed pool.Observed) []string {
	known := map[string]bool{SettingsAddress: true}
	for _, d := range []*pool.Desired{accepted, desired} {
		for i := range d.Pools {
			known[d.Pools[i].Address()], known[d.Pools[i].Runtime] = true, true
		}
	}
	for address := range observed.Pools {
		known[address] = true
	}
	return slices.Sorted(maps.Keys(known))
}

func unknown(address string, known []string) error {
	if near := pool.Nearest(address, known); near != "" {
		return fmt.Errorf("there is no %s; did you mean %s?", address, near)
	}
	return fmt.Errorf("there is no %s: there are %s", address, cmp.Or(pool.ListNames(known), "none"))
}
