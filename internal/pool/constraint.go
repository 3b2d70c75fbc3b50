package pool

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is MAJOR.MINOR.PATCH; missing numbers are zero.
type Version struct {
	Number [3]int
	// Given is how many of the numbers were written.
	Given int
}

// ParseVersion reads a version; what follows a - or + is not compared.
func ParseVersion(s string) (Version, error) {
	text := strings.TrimPrefix(strings.TrimSpace(s), "v")
	if i := strings.IndexAny(text, "-+"); i >= 0 {
		text = text[:i]
	}
	var v Version
	parts := strings.Split(text, ".")
	if len(parts) > len(v.Number) {
		return v, fmt.Errorf("%q is not a version", s)
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return v, fmt.Errorf("%q is not a version", s)
		}
		v.Number[i] = int(n)
	}
	v.Given = len(parts)
	return v, nil
}

// Compare returns a negative number, zero or a positive one where v is below, equal
// to or above other.
func (v Version) Compare(other Version) int {
	for i, n := range v.Number {
		if n != other.Number[i] {
			return n - other.Number[i]
		}
	}
	return 0
}

// within reports whether v begins with the first n numbers of other.
func (v Version) within(other Version, n int) bool {
	for i := range n {
		if v.Number[i] != other.Number[i] {
			return false
		}
	}
	return true
}

// Constraint is an operator (= != > >= < <= ~>) and a version.
type Constraint struct {
	Op string
	Version
}

// constraintOps lists the operators, longer ones before their beginnings.
var constraintOps = []string{"~>", ">=", "<=", "==", "!=", ">", "<", "="}

// ParseConstraint reads one constraint. Without an operator Op is empty.
func ParseConstraint(s string) (Constraint, error) {
	text, c := strings.TrimSpace(s), Constraint{}
	for _, op := range constraintOps {
		if rest, ok := strings.CutPrefix(text, op); ok {
			c.Op, text = op, rest
			break
		}
	}
	var err error
	c.Version, err = ParseVersion(text)
	return c, err
}

// ParseConstraints reads constraints that are joined by commas; all of them hold.
func ParseConstraints(s string) ([]Constraint, error) {
	var out []Constraint
	for text := range strings.SplitSeq(s, ",") {
		c, err := ParseConstraint(text)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// Allows reports whether v is what the constraint asks for.
func (c Constraint) Allows(v Version) bool {
	order := v.Compare(c.Version)
	switch c.Op {
	case "", "=", "==":
		return order == 0
	case "!=":
		return order != 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	}
	// ~> 1.2.3 stays within 1.2, ~> 1.2 within 1, ~> 1 within 1.
	return order >= 0 && v.within(c.Version, max(c.Given-1, 1))
}
