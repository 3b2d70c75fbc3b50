package planner

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/snakectl/snakectl/internal/pool"
)

// Format is the format of the plans that this package writes and reads.
const Format = 1

// SettingsAddress is the address of the settings block in a plan.
const SettingsAddress = "settings"

// Decide returns what has to change so that what runs is what desired says. It
// is a pure function: equal arguments give plans that Encode to equal bytes, and
// it keeps no reference to a slice or map that it would change. The desired spec is
// what Resolve has made of it.
//
// A worker that is missing from a place is on its way back and no difference; a
// quarantined place, a worker of another launch hash and a size set by hand are.
func Decide(desired pool.Desired, observed pool.Observed, opts Options) Plan {
	accepted := acceptedOf(observed)
	p := Plan{
		Format:          Format,
		Lineage:         observed.Lineage,
		BaseRevision:    observed.Revision,
		WorkersObserved: observed.WorkersObserved,
		Changes:         []Change{},
		Drift:           runtimeDrift(accepted, desired),
		Pools:           len(desired.Pools),
		Options:         opts,
	}
	for i := range desired.Pools {
		p.PoolWorkers += desired.Pools[i].Size
	}
	if c, changed := compareSettings(accepted.Settings, desired.Settings); changed {
		p.Changes = append(p.Changes, c)
	}
	if !opts.RefreshOnly {
		p.Changes = append(p.Changes, runtimeChanges(&accepted, &desired, observed.Environments, opts)...)
	}
	for _, pair := range pairs(&accepted, &desired, observed) {
		if !opts.chooses(pair.address, pair.runtimes()...) {
			continue
		}
		c, drift := pair.decide(opts)
		p.Drift = append(p.Drift, drift...)
		confine(&c, pair.new.spec, observed.Confinement.Memory)
		if pair.new.spec != nil && observed.Machine.CPUs > 0 && c.Workers.Start+c.Workers.Replace > 0 {
			c.Receives = pair.new.spec.Receives(observed.Machine)
		}
		if c.Action != ActionNoop {
			p.Changes = append(p.Changes, c)
		}
	}
	p.total()
	return p
}

// total fills the sums over the plan's changes.
func (p *Plan) total() {
	for _, c := range p.Changes {
		p.Summary.add(c.Action)
		p.Workers.Start += c.Workers.Start
		p.Workers.Replace += c.Workers.Replace
		p.Workers.Drain += c.Workers.Drain
		p.Workers.Stop += c.Workers.Stop
		p.Workers.Keep += c.Workers.Keep
	}
}

func (s *Summary) add(a Action) {
	switch a {
	case ActionCreate:
		s.Create++
	case ActionUpdate:
		s.Update++
	case ActionResize:
		s.Resize++
	case ActionMove:
		s.Move++
	case ActionRepair:
		s.Repair++
	case ActionRoll:
		s.Roll++
	case ActionRecreate:
		s.Recreate++
	case ActionDestroy:
		s.Destroy++
	case ActionNoop:
	}
}

// side is one pool as one spec has it, with the runtime it names.
type side struct {
	spec    *pool.Pool
	runtime pool.Runtime
}

// pair is everything known about one address. A nil spec on a side means that
// the side does not have the pool. The old side is the accepted one, but for a pool
// that the apply did not come to: there it is what is in force.
type pair struct {
	address string
	// from is the address before, when the pool is moved; empty otherwise.
	from     string
	old, new side
	running  pool.ObservedPool
	// known is false when nothing is told of the pool as it runs.
	known bool
	// behind: what was accepted is not in force.
	behind bool
	// busy: a pool is to move here while workers of a former one still leave.
	busy bool
}

// accept sets the old side.
func (p *pair) accept(accepted side) {
	p.old = accepted
	if p.running.InForce == nil {
		return
	}
	in := side{&p.running.InForce.Spec, p.running.InForce.Runtime}
	attributes, files := compare(in, accepted)
	if len(attributes)+len(files) > 0 || in.launchHash() != accepted.launchHash() {
		p.old, p.behind = in, true
	}
}

// pairs returns every address that any side knows, sorted.
func pairs(accepted, desired *pool.Desired, observed pool.Observed) []pair {
	byAddress := map[string]*pair{}
	moves := renames(accepted, desired)
	at := func(address string) *pair {
		if byAddress[address] == nil {
			running, known := observed.Pools[address]
			byAddress[address] = &pair{address: address, running: running, known: known}
		}
		return byAddress[address]
	}
	for i := range accepted.Pools {
		p := &accepted.Pools[i]
		if to, moved := moves[p.Address()]; moved {
			at(to).takeOver(p.Address(), observed)
			at(to).accept(side{p, accepted.Runtimes[p.Runtime]})
			continue
		}
		at(p.Address()).accept(side{p, accepted.Runtimes[p.Runtime]})
	}
	for i := range desired.Pools {
		p := &desired.Pools[i]
		at(p.Address()).new = side{p, desired.Runtimes[p.Runtime]}
	}
	for address := range observed.Pools {
		if _, moved := moves[address]; !moved {
			at(address)
		}
	}
	out := make([]pair, 0, len(byAddress))
	for _, p := range byAddress {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b pair) int { return cmp.Compare(a.address, b.address) })
	return out
}

// renames returns where accepted pools go on that desired does not have any more but
// moves to one that is new.
func renames(accepted, desired *pool.Desired) map[string]string {
	out := map[string]string{}
	if len(desired.Moved) == 0 {
		return out
	}
	taken := map[string]bool{}
	for i := range accepted.Pools {
		taken[accepted.Pools[i].Address()] = true
	}
	for i := range accepted.Pools {
		from := accepted.Pools[i].Address()
		to := desired.Follow(from)
		if to != from && !taken[to] && desired.Pool(from) == nil && desired.Pool(to) != nil {
			out[from], taken[to] = to, true
		}
	}
	return out
}

// takeOver makes the pool that runs at from the one of this pair.
func (p *pair) takeOver(from string, observed pool.Observed) {
	if len(p.running.Places) > 0 {
		p.busy = true
	}
	p.from = from
	p.running, p.known = observed.Pools[from]
}

// decide returns the change at the address, with ActionNoop for none, and the
// drift found on the way.
func (p pair) decide(opts Options) (Change, []Drift) {
	switch {
	case opts.RefreshOnly:
		return p.refresh()
	case p.new.spec == nil:
		return p.destroy(opts), nil
	case p.old.spec == nil:
		return p.create(), nil
	}
	return p.change(opts)
}

// runtimes returns the names of the runtimes that the sides of a pair use.
func (p pair) runtimes() []string {
	var out []string
	for _, s := range []side{p.old, p.new} {
		if s.spec != nil {
			out = append(out, s.spec.Runtime)
		}
	}
	return out
}

// refresh accepts the size that was set by hand; whatever else differs stays as it is.
func (p pair) refresh() (Change, []Drift) {
	if p.old.spec == nil || p.new.spec == nil || p.old.spec.Size == p.new.spec.Size {
		return Change{Action: ActionNoop}, nil
	}
	hash := p.old.launchHash()
	return Change{
		Address: p.address, Action: ActionUpdate, Reasons: []Reason{ReasonOverridePresent},
		Attributes: []Attribute{{
			Path: "size", Effect: pool.EffectSize, Old: p.old.spec.Values()["size"], New: p.new.spec.Values()["size"],
		}},
		Workers: WorkerDelta{Keep: p.new.spec.Size}, Size: p.new.spec.Size, OldSize: p.new.spec.Size, Capacity: -1,
		Unchanged: attributeCount - 1, LaunchHash: hash, OldLaunchHash: hash, TakesTurns: p.new.takesTurns(),
	}, p.drift(census{})
}

func (p pair) create() Change {
	attributes := setAttributes(p.new.spec)
	return Change{
		Address:    p.address,
		Action:     ActionCreate,
		Reasons:    []Reason{},
		Attributes: attributes,
		Workers:    WorkerDelta{Start: p.new.spec.Size},
		Size:       p.new.spec.Size,
		Capacity:   -1,
		Defaults:   attributeCount - len(attributes),
		LaunchHash: p.new.launchHash(),
		TakesTurns: p.new.takesTurns(),
		After:      p.new.spec.DependsOn,
	}
}

// destroy ends a pool. A pool that no spec has any more and whose last workers
// are leaving needs no further change.
func (p pair) destroy(opts Options) Change {
	size := p.running.Size
	if p.old.spec != nil {
		size = p.sizeInForce()
	}
	c := Change{
		Address:    p.address,
		Action:     ActionDestroy,
		Reasons:    []Reason{ReasonNotInConfig},
		Attributes: []Attribute{},
		OldSize:    size,
		Capacity:   -1,
	}
	if opts.Destroy {
		c.Reasons = []Reason{ReasonByRequest}
	}
	if p.old.spec != nil {
		c.After = p.old.spec.DependsOn
		if p.old.spec.PreventDestroy {
			c.Refused = "it has prevent_destroy = true, so it may not be destroyed; apply it with prevent_destroy = false first"
		}
		c.OldLaunchHash = p.old.launchHash()
		c.Workers = takeCensus(p.running.Places, size, 0, "", "", nobody).delta
		return c
	}
	for _, place := range p.running.Places {
		if serves(place.State) {
			c.Workers.Drain++
		}
	}
	if c.Workers.Drain == 0 {
		c.Action = ActionNoop
	}
	return c
}

// change compares a pool that both specs have.
func (p pair) change(opts Options) (Change, []Drift) {
	was := p.old.launchHash()
	want := was
	c := Change{
		Address:       p.address,
		From:          p.from,
		After:         p.new.spec.DependsOn,
		Attributes:    []Attribute{},
		Size:          p.new.spec.Size,
		OldSize:       p.sizeInForce(),
		Capacity:      -1,
		OldLaunchHash: was,
		TakesTurns:    p.new.takesTurns(),
	}
	if !reflect.DeepEqual(p.old, p.new) {
		want = p.new.launchHash()
		c.Attributes, c.Files = compare(p.old, p.new)
	}
	if ignores(p.new.spec, "size") { // what scale made it stays, and is no difference
		c.Attributes = slices.DeleteFunc(c.Attributes, func(a Attribute) bool { return a.Path == "size" })
	}
	c.LaunchHash = want
	c.Unchanged = attributeCount - rowsListed(c.Attributes)
	counted := takeCensus(p.running.Places, c.OldSize, c.Size, was, want, func(place int) bool { return opts.replaces(p.address, place) })
	c.Workers, c.Places, c.Replaced = counted.delta, counted.repaired, counted.asked
	drift := p.drift(counted)
	c.Reasons = reasons(c, drift)
	if len(c.Replaced) > 0 {
		c.Reasons = append(c.Reasons, ReasonByRequest)
	}
	c.Action = p.action(c, was != want)
	if p.busy {
		c.Refused = "workers of a former pool of this name still leave; plan again when they are gone"
	}
	switch {
	case c.Action == ActionRoll && len(c.Replaced) == c.Workers.Replace && was == want:
		c.Capacity = c.Workers.Keep + c.Workers.Replace
	case c.Action == ActionRoll || c.Action == ActionRecreate:
		update := p.new.spec.Update
		c.Update = &update
		c.Capacity = c.Workers.Keep
		if c.Action == ActionRoll {
			c.Capacity += c.Workers.Replace - min(update.MaxUnavailable.Of(c.Size), c.Workers.Replace)
		}
	}
	return c, drift
}

// action returns the most disruptive action that the change calls for.
func (p pair) action(c Change, newLaunch bool) Action {
	switch {
	case newLaunch || c.Workers.Replace > len(c.Replaced):
		if p.new.spec.Update.Strategy == pool.StrategyRecreate {
			return ActionRecreate
		}
		return ActionRoll
	case len(c.Replaced) > 0: // new ones are ready before old ones go, whatever the strategy
		return ActionRoll
	case len(c.Places) > 0:
		return ActionRepair
	case c.Size != c.OldSize:
		return ActionResize
	case len(c.Attributes) > 0 || len(c.Files) > 0 || p.behind: // accepting what is in force takes back what was not carried out
		return ActionUpdate
	case p.from != "":
		return ActionMove
	}
	return ActionNoop
}

// sizeInForce is the size that runs now. Without an override it is the accepted
// one, but for an apply that was stopped before it came to the pool.
func (p pair) sizeInForce() int {
	switch {
	case p.running.Override != nil:
		return p.running.Override.Size
	case p.known:
		return p.running.Size
	}
	return p.old.spec.Size
}

// takesTurns reports whether the pool's threads share a GIL.
func (s side) takesTurns() bool {
	return s.spec.Profile == pool.ProfileThread && s.runtime.Version != "" && !s.runtime.FreeThreaded
}

func (s side) launchHash() string { return pool.LaunchHash(s.spec, s.runtime) }
