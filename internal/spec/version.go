package spec

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/snakectl/snakectl/internal/pool"
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
	constraints, err := pool.ParseConstraints(val.AsString())
	if err != nil {
		l.errorAt(attr.Expr.Range(), "", "Wrong value for \"required_version\"", "%v. Write a constraint such as \"~> 0.1\" or \">= 0.1, < 1.0\".", err)
		return
	}
	have, err := pool.ParseVersion(l.opts.Version)
	if err != nil {
		return // a build without a release number satisfies everything
	}
	for _, c := range constraints {
		if !c.Allows(have) {
			l.errorAt(attr.Expr.Range(), "", "This release of snakectl is not the required one",
				"The configuration requires snakectl %s, and this is snakectl %s. Install a release that fits, or change required_version.", val.AsString(), l.opts.Version)
			return
		}
	}
}
