package planner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Encode returns the canonical JSON of a plan, on one line without a line break.
// Equal plans give equal bytes.
func Encode(p Plan) []byte {
	if p.Changes == nil {
		p.Changes = []Change{}
	}
	if p.Drift == nil {
		p.Drift = []Drift{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(p); err != nil {
		panic(fmt.Sprintf("internal error: cannot encode a plan: %v", err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Decode reads what Encode wrote. It refuses another format, an unknown action,
// an address that appears twice and anything after the plan; members it does not
// know are ignored, because a later version may add some.
func Decode(b []byte) (Plan, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	var p Plan
	if err := d.Decode(&p); err != nil {
		return Plan{}, fmt.Errorf("cannot read plan: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Plan{}, errors.New("cannot read plan: something follows its end")
	}
	if p.Format != Format {
		return Plan{}, fmt.Errorf("cannot read plan: its format is %d and this version reads format %d; make the plan again", p.Format, Format)
	}
	seen := map[string]bool{}
	for _, c := range p.Changes {
		if !slices.Contains(actions, c.Action) {
			return Plan{}, fmt.Errorf("cannot read plan: %q is not an action", c.Action)
		}
		if c.Address == "" || seen[c.Address] {
			return Plan{}, fmt.Errorf("cannot read plan: the address %q is empty or appears twice", c.Address)
		}
		seen[c.Address] = true
	}
	return p, nil
}

// actions are the actions that a plan may contain.
var actions = []Action{
	ActionMove, ActionCreate, ActionUpdate, ActionResize, ActionRepair, ActionRoll, ActionRecreate, ActionDestroy,
}
