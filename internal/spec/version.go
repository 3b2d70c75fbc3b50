package spec

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// checkVersion compares required_version of the snakectl block with the release
// that reads the configuration.
func (l *loader) checkVersion() {
	b := l.sole(blockSnakectl)
	if b == nil {
		return
	}
	content, diags := b.Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "required_version"}}})
	l.hcl(diags, "")
	attr := content.Attributes["required_version"]
	if attr == nil {
		return
	}
	val, ok := l.constant(attr, cty.String)
	if !ok || val.IsNull() {
		return
	}
	constraints, err := parseConstraints(val.AsString())
	if err != nil {
		l.errorAt(attr.Expr.Range(), "", "Wrong value for \"required_version\"", "%v. Write a constraint such as \"~> 0.1\" or \">= 0.1, < 1.0\".", err)
		return
	}
	have, err := parseVersion(l.opts.Version)
	if err != nil {
		return // a build without a release number satisfies everything
	}
	for _, c := range constraints {
		if !c.allows(have) {
			l.errorAt(attr.Expr.Range(), "", "This release of snakectl is not the required one",
				"The configuration requires snakectl %s, and this is snakectl %s. Install a release that fits, or change required_version.", val.AsString(), l.opts.Version)
			return
		}
	}
}

// version is MAJOR.MINOR.PATCH; missing numbers are zero.
type version struct {
	number [3]int
	// given is how many of the numbers were written.
	given int
}

// parseVersion reads a version; what follows a - or + is not compared.
func parseVersion(s string) (version, error) {
	text := strings.TrimPrefix(strings.TrimSpace(s), "v")
	if i := strings.IndexAny(text, "-+"); i >= 0 {
		text = text[:i]
	}
	var v version
	parts := strings.Split(text, ".")
	if len(parts) > len(v.number) {
		return v, fmt.Errorf("%q is not a version", s)
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return v, fmt.Errorf("%q is not a version", s)
		}
		v.number[i] = int(n)
	}
	v.given = len(parts)
	return v, nil
}

func (v version) compare(other version) int {
	for i, n := range v.number {
		if n != other.number[i] {
			return n - other.number[i]
		}
	}
	return 0
}

type constraint struct {
	op string
	version
}

func parseConstraints(s string) ([]constraint, error) {
	var out []constraint
	for text := range strings.SplitSeq(s, ",") {
		text = strings.TrimSpace(text)
		c := constraint{op: "="}
		for _, op := range []string{"~>", ">=", "<=", "!=", ">", "<", "="} {
			if rest, ok := strings.CutPrefix(text, op); ok {
				c.op, text = op, rest
				break
			}
		}
		var err error
		if c.version, err = parseVersion(text); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (c constraint) allows(v version) bool {
	order := v.compare(c.version)
	switch c.op {
	case "=":
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
	if order < 0 {
		return false
	}
	for i := range max(c.given-1, 1) {
		if v.number[i] != c.number[i] {
			return false
		}
	}
	return true
}
