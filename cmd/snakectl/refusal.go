package main

import (
	"errors"
	"strings"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// refusal is the error of a plan that must not be carried out, with the place in the
// configuration where there is one; nil when it may be carried out.
func (w *wish) refusal(plan *planner.Plan) error {
	if len(plan.Refusal()) == 0 {
		return nil
	}
	var text []string
	for _, c := range plan.Changes {
		if c.Refused == "" {
			continue
		}
		line := c.Address + ": " + c.Refused
		if where := w.blockOf(c.Address); where != "" {
			line += "\n\n" + where + "\n"
		}
		text = append(text, line)
	}
	return errors.New("the plan is refused, and nothing was changed: " + strings.Join(text, "\n"))
}

// blockOf returns the place of a pool, or else of the block that another key of its
// for_each comes from; "" when the configuration has neither.
func (w *wish) blockOf(addr string) string {
	if w.conf == nil {
		return ""
	}
	if where := w.conf.config.Snippet(addr, "prevent_destroy"); where != "" {
		return where
	}
	name, _ := pool.SplitAddress(addr)
	for _, other := range w.conf.desired.Pools {
		if other.Name == name {
			return w.conf.config.Snippet(other.Address(), "prevent_destroy")
		}
	}
	return ""
}
