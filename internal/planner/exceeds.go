package planner

import (
	"fmt"
	"reflect"
	"slices"
)

// Exceeds returns, one sentence each, where actual would do more than the plan
// that was approved; none means that actual may be carried out. Doing less is
// fine: something healed, or somebody else did it meanwhile.
func Exceeds(actual, approved Plan) []string {
	allowed := map[string]Change{}
	for _, c := range approved.Changes {
		allowed[c.Address] = c
	}
	var out []string
	for _, c := range actual.Changes {
		a, listed := allowed[c.Address]
		if !listed {
			out = append(out, fmt.Sprintf("%s: the approved plan changes nothing here, now it would %s", c.Address, c.Action))
			continue
		}
		for _, more := range a.exceededBy(c) {
			out = append(out, c.Address+": "+more)
		}
	}
	return out
}

// exceededBy returns what c does beyond the approved change of the same address.
func (approved Change) exceededBy(c Change) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if !milder(c.Action, approved.Action) {
		say("approved was %s, now it would %s", approved.Action, c.Action)
		return out
	}
	if c.From != "" && c.From != approved.From {
		say("now it would be moved from %s", c.From)
	}
	if c.Size != approved.Size {
		say("approved was size %d, now it would be %d", approved.Size, c.Size)
	}
	if c.LaunchHash != approved.LaunchHash {
		say("the code, runtime or configuration is not the one that was approved")
	}
	if e, was := c.Environment, approved.Environment; e != nil && was != nil && was.Cached && !e.Cached {
		say("the approved plan found the environment built, now it would be built")
	}
	for _, a := range c.Attributes {
		i := slices.IndexFunc(approved.Attributes, func(b Attribute) bool { return b.Path == a.Path })
		switch {
		case i < 0 || !reflect.DeepEqual(approved.Attributes[i].New, a.New):
			say("the approved plan does not change %s this way", a.Path)
		case approved.Attributes[i].By != a.By:
			say("approved was %s by %s, now it would be by %s", a.Path, approved.Attributes[i].By, a.By)
		}
	}
	return append(out, approved.Workers.exceededBy(c.Workers)...)
}

// exceededBy compares counts. A worker that is started where one was to be
// replaced is no more than was approved.
func (approved WorkerDelta) exceededBy(d WorkerDelta) []string {
	var out []string
	check := func(verb string, got, limit int) {
		if got > limit {
			out = append(out, fmt.Sprintf("approved was to %s %s, now it would be %d", verb, plural(limit, "worker", "workers"), got))
		}
	}
	check("replace", d.Replace, approved.Replace)
	if d.Replace <= approved.Replace {
		check("start or replace", d.Start+d.Replace, approved.Start+approved.Replace)
	}
	check("drain", d.Drain, approved.Drain)
	check("stop", d.Stop, approved.Stop)
	return out
}

// milder reports whether a does no more than b. Creating and destroying are
// comparable to nothing but themselves.
func milder(a, b Action) bool {
	ladder := []Action{ActionMove, ActionUpdate, ActionResize, ActionRepair, ActionRoll, ActionRecreate}
	i, j := slices.Index(ladder, a), slices.Index(ladder, b)
	return a == b || i >= 0 && j >= 0 && i <= j
}
