package pool

import (
	"errors"
	"fmt"
	"strings"
)

// PythonVersions says which Pythons a runtime accepts: "3.13", ">=3.12, <3.15",
// "3.13t". The zero value accepts any that has a GIL.
type PythonVersions struct {
	constraints []Constraint
	// FreeThreaded asks for a build without the GIL: a t after a version. Without it no
	// such build is accepted.
	FreeThreaded bool
}

// ParsePythonVersions reads what a runtime's version says. A version without an
// operator, or with = or ==, names all versions that begin with it: 3.13 is any 3.13.x.
func ParsePythonVersions(s string) (PythonVersions, error) {
	var out PythonVersions
	if strings.TrimSpace(s) == "" {
		return out, errors.New("it is empty")
	}
	for text := range strings.SplitSeq(s, ",") {
		number, threaded := strings.CutSuffix(strings.TrimSpace(text), "t")
		c, err := ParseConstraint(number)
		if err != nil {
			return out, fmt.Errorf("%q is not a version of Python", strings.TrimSpace(text))
		}
		out.constraints = append(out.constraints, c)
		out.FreeThreaded = out.FreeThreaded || threaded
	}
	return out, nil
}

// Allows reports whether a version, as an interpreter tells it, is accepted. It does
// not look at the GIL.
func (p PythonVersions) Allows(v Version) bool {
	for _, c := range p.constraints {
		series := c.Op == "" || c.Op == "=" || c.Op == "=="
		switch {
		case series && !v.within(c.Version, c.Given):
			return false
		case c.Op == "!=" && v.within(c.Version, c.Given):
			return false
		case !series && c.Op != "!=" && !c.Allows(v):
			return false
		}
	}
	return true
}

// Series returns the version that an installer would be asked for: 3.14t for
// ">=3.14, <3.15" without the GIL.
func (p PythonVersions) Series() string {
	const newest = "3.14"
	series := newest
	for _, c := range p.constraints {
		switch c.Op {
		case "", "=", "==", ">=", "~>", "<=":
			number := c.Number[:max(c.Given, 2)]
			series = strings.Trim(strings.ReplaceAll(fmt.Sprint(number), " ", "."), "[]")
		case "<":
			if series == newest && c.Given <= 2 && c.Number[1] > 0 && c.Number[1] <= 14 {
				series = fmt.Sprintf("%d.%d", c.Number[0], c.Number[1]-1)
			}
		}
	}
	if p.FreeThreaded {
		series += "t"
	}
	return series
}
