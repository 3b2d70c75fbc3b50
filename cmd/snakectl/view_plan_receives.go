package main

import (
	"fmt"
	"strings"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// receives writes, with Verbose, the variables that workers get, and who decides each.
func (v *planView) receives(c planner.Change) {
	if !v.opts.Verbose || len(c.Receives) == 0 {
		return
	}
	v.line("        a worker receives, beside what the supervisor was started with:")
	width := 0
	for _, r := range c.Receives {
		width = max(width, len(r.Name))
	}
	for _, r := range c.Receives {
		v.line("          %-*s = %s   # by %s", width, printable(r.Name), receivedValue(r), decider(r))
	}
}

// receivedValue returns what the places get: one value, or one for each in turn.
func receivedValue(r pool.Variable) string {
	if r.ByPlace == nil {
		return literal(r.Value)
	}
	values := make([]string, len(r.ByPlace))
	for place, value := range r.ByPlace {
		values[place] = literal(value)
	}
	return strings.Join(values, ", ") + " in turn"
}

func decider(r pool.Variable) string {
	text := map[pool.VariableSource]string{
		pool.ByEnv: "env", pool.ByDevices: "devices.gpus", pool.ByInheriting: "the supervisor's own environment", pool.ByProfile: "the profile",
	}[r.By]
	if r.Profile != "" {
		text += fmt.Sprintf(", where the profile has %s", literal(r.Profile))
	}
	return text
}
