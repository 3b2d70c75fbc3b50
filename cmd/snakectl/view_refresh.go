package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/spec"
)

// plainSize matches a line that sets the size to a number and does nothing else.
var plainSize = regexp.MustCompile(`^(\s*size\s*=\s*)\d+(\s*(?:(?:#|//).*)?)$`)

// refreshEdits returns what to edit so that the configuration says what a refresh
// accepts: else the next apply takes it back.
func refreshEdits(p planner.Plan, conf *spec.Config) string {
	var b strings.Builder
	for _, c := range p.Changes {
		for _, at := range c.Attributes {
			fmt.Fprintf(&b, "\n%s", refreshEdit(c.Address, literal(at.New), conf))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\nEdit the configuration as well, or the next apply takes this back:\n" + b.String()
}

func refreshEdit(address, size string, conf *spec.Config) string {
	ranges, declared := conf.Ranges[address]
	at, set := ranges["size"]
	switch {
	case !declared:
		return fmt.Sprintf("  %s is not in the configuration any more\n", address)
	case !set:
		return fmt.Sprintf("  %s line %d, in pool of %s, add:\n  + size = %s\n", ranges[""].File, ranges[""].Line, address, size)
	}
	source := conf.Line(at.File, at.Line)
	place := fmt.Sprintf("  %s line %d, %s:\n", at.File, at.Line, address)
	if m := plainSize.FindStringSubmatch(source); m != nil {
		return place + "  - " + strings.TrimSpace(source) + "\n  + " + strings.TrimSpace(m[1]+size+m[2]) + "\n"
	}
	return place + "    " + strings.TrimSpace(source) + "\n    make this " + size + "\n"
}
