package planner_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// TestPlanConverges applies plans to a model of the world: the next plan is
// empty, and the workers that the model started, replaced and drained are the
// ones that the plan counted.
func TestPlanConverges(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawScenario(r)
		plan := s.decide()
		checkCounts(r, s, plan)
		after := s.apply(plan)
		if again := after.decide(); !again.Empty() || len(again.Drift) > 0 {
			r.Fatalf("the plan after %s is not empty: %s", planner.Encode(plan), planner.Encode(again))
		}
		if more := planner.Exceeds(after.decide(), plan); len(more) > 0 {
			r.Fatalf("an empty plan exceeds: %q", more)
		}
	})
}

// TestPlanIsDeterministic decides the same thing from copies whose pools and
// places come in another order.
func TestPlanIsDeterministic(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawScenario(r)
		want := planner.Encode(s.decide())
		shuffled := s
		shuffled.Desired.Pools = rapid.Permutation(s.Desired.Pools).Draw(r, "pools")
		shuffled.Observed.Pools = map[string]pool.ObservedPool{}
		for address, o := range s.Observed.Pools {
			if len(o.Places) > 0 {
				o.Places = rapid.Permutation(o.Places).Draw(r, "places")
			}
			shuffled.Observed.Pools[address] = o
		}
		if got := planner.Encode(shuffled.decide()); !bytes.Equal(got, want) {
			r.Fatalf("two orders, two plans:\n%s\n%s", want, got)
		}
		back, err := planner.Decode(want)
		if err != nil || !bytes.Equal(planner.Encode(back), want) {
			r.Fatalf("the plan does not survive its encoding: %v", err)
		}
	})
}

// TestRollKeepsCapacity holds the promised capacity against the workers that
// serve: a roll gives up at most max_unavailable of those it replaces.
func TestRollKeepsCapacity(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawScenario(r)
		for _, c := range s.decide().Changes {
			staying := max(0, min(c.Size, c.OldSize)-len(c.Places))
			switch c.Action {
			case planner.ActionRoll:
				if want := staying - min(c.Update.MaxUnavailable.Of(c.Size), c.Workers.Replace); c.Capacity != want || want < 0 {
					r.Fatalf("%s: capacity %d, want %d of %d staying", c.Address, c.Capacity, want, staying)
				}
			case planner.ActionRecreate:
				if c.Capacity != staying-c.Workers.Replace {
					r.Fatalf("%s: capacity %d, want what is not replaced of %d", c.Address, c.Capacity, staying)
				}
			default:
				if c.Capacity != -1 || c.Workers.Replace != 0 || c.Update != nil {
					r.Fatalf("%s: %s replaces workers or promises capacity", c.Address, c.Action)
				}
			}
		}
	})
}

// checkCounts compares a plan's counts with the places before and after.
func checkCounts(r *rapid.T, s scenario, plan planner.Plan) {
	sum := planner.WorkerDelta{}
	for _, c := range plan.Changes {
		w := c.Workers
		sum.Start, sum.Replace, sum.Drain, sum.Keep = sum.Start+w.Start, sum.Replace+w.Replace, sum.Drain+w.Drain, sum.Keep+w.Keep
		if c.Address == planner.SettingsAddress || s.Observed.Accepted.Pool(c.Address) == nil && c.Action == planner.ActionDestroy {
			continue
		}
		quarantined := 0
		for _, p := range s.Observed.Pools[c.Address].Places {
			if p.State == pool.WorkerQuarantined {
				quarantined++
			}
		}
		if c.Action == planner.ActionCreate {
			quarantined = 0
		}
		if before := c.OldSize - quarantined; before != w.Keep+w.Replace+w.Drain {
			r.Fatalf("%s: %d workers before, plan speaks of %+v", c.Address, before, w)
		}
		if c.Size != w.Keep+w.Replace+w.Start {
			r.Fatalf("%s: size %d after, plan speaks of %+v", c.Address, c.Size, w)
		}
	}
	if sum != plan.Workers {
		r.Fatalf("workers = %+v, the changes sum up to %+v", plan.Workers, sum)
	}
}

// apply carries a plan out on a copy of the world, reading only the plan and the
// desired spec.
func (s scenario) apply(plan planner.Plan) scenario {
	out := scenario{Desired: s.Desired, Options: s.Options, Observed: s.Observed}
	accepted := *s.Observed.Accepted
	accepted.Pools = slices.Clone(accepted.Pools)
	accepted.Runtimes = s.Desired.Runtimes
	out.Observed.Revision++
	out.Observed.Accepted = &accepted
	out.Observed.Pools = maps.Clone(s.Observed.Pools)
	for _, c := range plan.Changes {
		if c.Address == planner.SettingsAddress {
			accepted.Settings = s.Desired.Settings
			continue
		}
		accepted.Pools = slices.DeleteFunc(accepted.Pools, func(p pool.Pool) bool { return p.Address() == c.Address })
		delete(out.Observed.Pools, c.Address)
		if c.Action == planner.ActionDestroy {
			continue
		}
		p := s.Desired.Pool(c.Address)
		accepted.Pools = append(accepted.Pools, *p)
		out.Observed.Pools[c.Address] = populate(p, c.LaunchHash, nil)
	}
	accepted.Sort()
	return out
}

// drawScenario draws an accepted spec, a desired one that shares most of it, and
// a world that drifted from the first.
func drawScenario(r *rapid.T) scenario {
	fingerprints := rapid.SampledFrom([]string{"aa", "bb"})
	runtimes := func(label string) map[string]pool.Runtime {
		return map[string]pool.Runtime{"runtime.python.default": {
			Name: "default", Interpreter: "/usr/bin/python3", Version: "3.11.7", Fingerprint: fingerprints.Draw(r, label),
		}}
	}
	accepted := pool.Desired{Runtimes: runtimes("accepted runtime")}
	s := scenario{
		Desired:  pool.Desired{Runtimes: runtimes("desired runtime"), Settings: pool.Settings{HistoryKeep: rapid.IntRange(1, 2).Draw(r, "history_keep")}},
		Observed: pool.Observed{Lineage: "9d1f", Revision: 1, WorkersObserved: rapid.Bool().Draw(r, "observed"), Pools: map[string]pool.ObservedPool{}},
		Options:  planner.Options{Destroy: rapid.IntRange(0, 9).Draw(r, "destroy") == 0},
	}
	for _, name := range []string{"a", "b", "c"} {
		p := drawPool(r, name)
		inAccepted, inDesired := rapid.Bool().Draw(r, "in accepted"), rapid.Bool().Draw(r, "in desired")
		if inAccepted {
			accepted.Pools = append(accepted.Pools, p)
		}
		if inDesired && rapid.Bool().Draw(r, "unchanged") {
			s.Desired.Pools = append(s.Desired.Pools, p)
		} else if inDesired {
			s.Desired.Pools = append(s.Desired.Pools, drawPool(r, name))
		}
		if rapid.IntRange(0, 4).Draw(r, "known") > 0 && (inAccepted || !inDesired) {
			s.Observed.Pools[p.Address()] = drawRunning(r, &p, pool.LaunchHash(&p, accepted.Runtimes[p.Runtime]))
		}
	}
	s.Observed.Accepted = &accepted
	return s
}

func drawPool(r *rapid.T, name string) pool.Pool {
	p := pool.Pool{
		Name: name, Profile: pool.ProfileProcess, Runtime: "runtime.python.default",
		Adapter: rapid.SampledFrom([]string{"./a.py", "./b.py"}).Draw(r, "adapter"),
		Size:    rapid.IntRange(0, 5).Draw(r, "size"),
		Queue:   pool.Queue{Max: rapid.IntRange(0, 1).Draw(r, "queue.max")},
		Update: pool.Update{
			Strategy:       rapid.SampledFrom([]string{pool.StrategyRolling, pool.StrategyRecreate}).Draw(r, "strategy"),
			Surge:          1,
			MaxUnavailable: pool.Share(rapid.IntRange(0, 3).Draw(r, "max_unavailable")),
		},
		Set: []string{"adapter", "size"},
	}
	if rapid.Bool().Draw(r, "profile is set") {
		p.Set = []string{"adapter", "profile", "size"}
	}
	if content := rapid.SampledFrom([]string{"", "v1", "v2"}).Draw(r, "code"); content != "" {
		p.Snapshot.Files = map[string]string{"a.py": content}
		p.Snapshot.Hash = pool.HashFiles(p.Snapshot.Files)
	}
	return p
}

// drawRunning draws a pool that may have an override, quarantined places and
// workers that start, leave or hold another launch hash.
func drawRunning(r *rapid.T, p *pool.Pool, hash string) pool.ObservedPool {
	var override *pool.Override
	if rapid.IntRange(0, 3).Draw(r, "override") == 0 {
		override = &pool.Override{Size: rapid.IntRange(0, 6).Draw(r, "override size"), By: "me@box", At: time.Unix(0, 0).UTC()}
	}
	o := populate(p, hash, override)
	for i := range o.Places {
		place := &o.Places[i]
		switch rapid.IntRange(0, 9).Draw(r, fmt.Sprintf("place %d", i)) {
		case 0:
			*place = pool.ObservedPlace{Place: i, State: pool.WorkerQuarantined, Message: "exited 1"}
		case 1:
			place.LaunchHash = "another"
		case 2:
			place.State, place.LaunchHash = pool.WorkerDraining, "another"
		case 3:
			place.State = pool.WorkerStarting
		case 4:
			*place = pool.ObservedPlace{Place: i, State: pool.WorkerExited, LaunchHash: rapid.SampledFrom([]string{"", hash, "another"}).Draw(r, "held")}
		}
	}
	return o
}

// TestLaunchHashIgnoresForm takes the hash of the same pool after a trip through
// JSON, from another directory and with its set paths in another order.
func TestLaunchHashIgnoresForm(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawPool(r, "a")
		p.Env = rapid.MapOf(rapid.StringMatching(`[A-Z]{1,3}`), rapid.String()).Draw(r, "env")
		p.Config = map[string]any{"depth": rapid.IntRange(-9, 9).Draw(r, "depth"), "names": []string{"x"}}
		p.Set = append(p.Set, "env", "config")
		want := pool.LaunchHash(&p, pool.Runtime{Fingerprint: "aa"})

		var other pool.Pool
		b, err := json.Marshal(p)
		if err == nil {
			err = json.Unmarshal(b, &other)
		}
		if err != nil {
			r.Fatal(err)
		}
		other.Snapshot.Root = "/elsewhere"
		other.Set = rapid.Permutation(p.Set).Draw(r, "set")
		if got := pool.LaunchHash(&other, pool.Runtime{Name: "other", Fingerprint: "aa"}); got != want {
			r.Fatalf("LaunchHash = %s after a trip through JSON, want %s", got, want)
		}
		if got := pool.LaunchHash(&other, pool.Runtime{Fingerprint: "bb"}); got == want {
			r.Fatal("the launch hash does not see the runtime's fingerprint")
		}
	})
}
