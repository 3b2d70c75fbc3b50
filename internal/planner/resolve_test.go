package planner_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// twoSpecs returns an accepted and a desired spec that differ in every address. The
// pools api and web share a runtime that changes.
func twoSpecs(t *testing.T) (pool.Observed, pool.Desired) {
	t.Helper()
	accepted := config(t, `{"runtimes":{"runtime.python.app":{"fingerprint":"aa"},"runtime.python.own":{"fingerprint":"cc"}},
		"pools":[{"name":"api","adapter":"./a.py","size":2,"runtime":"runtime.python.app"},{"name":"web","adapter":"./a.py","size":2,"runtime":"runtime.python.app"},
		 {"name":"etl","key":"eu","adapter":"./a.py","size":2,"runtime":"runtime.python.own"},{"name":"old","adapter":"./a.py","runtime":"runtime.python.own"}]}`)
	desired := config(t, `{"settings":{"history_keep":9},"runtimes":{"runtime.python.app":{"fingerprint":"bb"},"runtime.python.own":{"fingerprint":"cc"}},
		"pools":[{"name":"api","adapter":"./b.py","size":2,"runtime":"runtime.python.app"},{"name":"web","adapter":"./b.py","size":2,"runtime":"runtime.python.app"},
		 {"name":"etl","key":"eu","adapter":"./b.py","size":3,"runtime":"runtime.python.own"},{"name":"new","adapter":"./a.py","runtime":"runtime.python.own"}]}`)
	return world(t, `{"revision":4}`, &accepted, desired), desired
}

func TestResolveRefuses(t *testing.T) {
	observed, desired := twoSpecs(t)
	tests := map[string]struct {
		options planner.Options
		want    string
	}{
		"no such pool":              {planner.Options{Targets: []string{"pool.epi"}}, "there is no pool.epi; did you mean pool.api?"},
		"nothing like it":           {planner.Options{Exclude: []string{"runtime.python.xxxxxxxxxxxxxx"}}, "there are pool.api"},
		"half of a runtime":         {planner.Options{Targets: []string{"pool.api"}}, "runtime.python.app changes for pool.api and pool.web"},
		"half of a runtime, again":  {planner.Options{Exclude: []string{"pool.web"}}, "name both or none of them"},
		"a place that is not there": {planner.Options{Replace: []string{"pool.api/2"}}, "the places of pool.api are numbered from 0 to 1"},
		"a pool that is not there":  {planner.Options{Replace: []string{"pool.new"}}, "it is not applied yet"},
		"a pool that goes":          {planner.Options{Replace: []string{"pool.old/0"}}, "does not have it any more"},
		"replaced and left out":     {planner.Options{Replace: []string{"pool.etl"}, Exclude: []string{"pool.etl"}}, "the plan leaves pool.etl[\"eu\"] out"},
		"a destroy that replaces":   {planner.Options{Destroy: true, Replace: []string{"pool.api"}}, "a destroy replaces no worker"},
		"a refresh with a target":   {planner.Options{RefreshOnly: true, Targets: []string{"pool.api"}}, "changes nothing else"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := planner.Resolve(desired, observed, tt.options)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Resolve = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// TestPartialPlans names the addresses that the options leave, and holds the accepted
// spec to them: what is left out stays as it was, byte for byte.
func TestPartialPlans(t *testing.T) {
	observed, desired := twoSpecs(t)
	tests := map[string]struct {
		options planner.Options
		want    []string
	}{
		"everything":          {planner.Options{}, []string{"settings", "pool.api", `pool.etl["eu"]`, "pool.new", "pool.old", "pool.web"}},
		"both of a runtime":   {planner.Options{Targets: []string{"pool.api", "pool.web"}}, []string{"pool.api", "pool.web"}},
		"a runtime":           {planner.Options{Targets: []string{"runtime.python.app"}}, []string{"pool.api", "pool.web"}},
		"without a runtime":   {planner.Options{Exclude: []string{"runtime.python.app"}}, []string{"settings", `pool.etl["eu"]`, "pool.new", "pool.old"}},
		"all instances":       {planner.Options{Targets: []string{"pool.etl"}}, []string{`pool.etl["eu"]`}},
		"one instance":        {planner.Options{Targets: []string{`pool.etl["eu"]`}}, []string{`pool.etl["eu"]`}},
		"settings alone":      {planner.Options{Targets: []string{"settings"}}, []string{"settings"}},
		"target and exclude":  {planner.Options{Targets: []string{"pool.new", "pool.old"}, Exclude: []string{"pool.old"}}, []string{"pool.new"}},
		"the end of one pool": {planner.Options{Destroy: true, Targets: []string{"pool.web"}}, []string{"pool.web"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			resolved, err := planner.Resolve(desired, observed, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			plan := planner.Decide(resolved, observed, tt.options)
			var got []string
			for _, c := range plan.Changes {
				got = append(got, c.Address)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("addresses (-want +got):\n%s", diff)
			}
			for i := range observed.Accepted.Pools {
				p := &observed.Accepted.Pools[i]
				if slices.Contains(got, p.Address()) {
					continue
				}
				if diff := cmp.Diff(p, resolved.Pool(p.Address())); diff != "" {
					t.Errorf("%s was left out and differs (-accepted +resolved):\n%s", p.Address(), diff)
				}
			}
		})
	}
}

func TestRebaseKeepsWhatOthersApplied(t *testing.T) {
	observed, desired := twoSpecs(t)
	options := planner.Options{Targets: []string{"pool.etl"}}
	resolved, err := planner.Resolve(desired, observed, options)
	if err != nil {
		t.Fatal(err)
	}
	approved := planner.Decide(resolved, observed, options)

	later := *observed.Accepted // somebody else applied api since
	later.Pools = slices.Clone(later.Pools)
	later.Pools[0].Size = 7
	observed.Revision, observed.Accepted = 5, &later
	rebased, err := planner.Rebase(desired, observed, approved)
	if err != nil {
		t.Fatal(err)
	}
	if got := rebased.Pool("pool.api").Size; got != 7 {
		t.Errorf("the size of api = %d, want 7 that somebody else applied", got)
	}
	if got := rebased.Pool(`pool.etl["eu"]`).Size; got != 3 {
		t.Errorf("the size of etl = %d, want 3 that was approved", got)
	}
	if rebased.Pool("pool.new") != nil || rebased.Pool("pool.old") == nil {
		t.Error("a pool that the approved plan does not name changed")
	}
}

func TestChangedSince(t *testing.T) {
	at := time.Date(2025, 3, 1, 10, 0, 0, 0, time.UTC)
	plan := planner.Plan{BaseRevision: 3, Changes: []planner.Change{{Address: "pool.api"}, {Address: "pool.web"}, {Address: "pool.b", From: "pool.a"}}}
	later := []pool.RevisionHead{
		{Number: 6, By: "eve@box", At: at, Touched: []string{"pool.etl", "pool.a"}},
		{Number: 5, By: "ada@box", At: at, Touched: []string{"pool.api"}, Message: "faster\nand more"},
		{Number: 4, By: "bob@box", At: at, Touched: []string{"pool.api"}},
		{Number: 3, By: "me@box", At: at, Touched: []string{"pool.web"}},
	}
	want := []string{
		`pool.api was changed by ada@box in revision 5 at 2025-03-01T10:00:00Z ("faster")`,
		`pool.b was changed by eve@box in revision 6 at 2025-03-01T10:00:00Z`,
	}
	if diff := cmp.Diff(want, planner.ChangedSince(plan, later)); diff != "" {
		t.Errorf("ChangedSince (-want +got):\n%s", diff)
	}
}

// TestApprovedPlansStayWithinThemselves: whatever the world becomes between approval
// and apply, what is done is at approved addresses, and the sums are those of what is
// done.
func TestApprovedPlansStayWithinThemselves(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawScenario(r)
		approved := s.decide()
		for address, o := range s.Observed.Pools { // some places die for good
			for i := range o.Places {
				if rapid.IntRange(0, 3).Draw(r, "dies") == 0 {
					o.Places[i] = pool.ObservedPlace{Place: o.Places[i].Place, State: pool.WorkerQuarantined, Message: "exited 1"}
				}
			}
			s.Observed.Pools[address] = o
		}
		within := planner.Within(s.decide(), approved)
		sum := planner.WorkerDelta{}
		for _, c := range within.Changes {
			if !slices.ContainsFunc(approved.Changes, func(a planner.Change) bool { return a.Address == c.Address }) {
				r.Fatalf("%s was not approved", c.Address)
			}
			sum.Start, sum.Replace, sum.Drain, sum.Keep = sum.Start+c.Workers.Start, sum.Replace+c.Workers.Replace, sum.Drain+c.Workers.Drain, sum.Keep+c.Workers.Keep
		}
		if sum != within.Workers {
			r.Fatalf("workers = %+v, the changes sum up to %+v", within.Workers, sum)
		}
	})
}

// TestReplaceOnRequest: exactly the workers that are asked for are replaced, the plan
// without the request is empty, and capacity stays.
func TestReplaceOnRequest(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawPool(r, "a")
		p.Size = rapid.IntRange(1, 5).Draw(r, "at least one")
		accepted := pool.Desired{Pools: []pool.Pool{p}, Runtimes: map[string]pool.Runtime{p.Runtime: {Fingerprint: "aa"}}}
		hash := pool.LaunchHash(&p, accepted.Runtimes[p.Runtime])
		s := scenario{Desired: accepted, Observed: pool.Observed{Accepted: &accepted, Pools: map[string]pool.ObservedPool{"pool.a": populate(&p, hash, nil)}}}
		var want []int
		for place := range p.Size {
			if rapid.Bool().Draw(r, "asked") {
				want = append(want, place)
				s.Options.Replace = append(s.Options.Replace, pool.WorkerAddress("pool.a", place))
			}
		}
		plan := s.decide()
		if len(want) == 0 {
			if !plan.Empty() {
				r.Fatalf("nothing was asked for: %s", planner.Encode(plan))
			}
			return
		}
		c := plan.Changes[0]
		if !slices.Equal(c.Replaced, want) || c.Workers.Replace != len(want) || c.Action != planner.ActionRoll || c.Capacity != p.Size {
			r.Fatalf("asked for %v: %s", want, planner.Encode(plan))
		}
	})
}
