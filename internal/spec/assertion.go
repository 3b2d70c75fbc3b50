package spec

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/snakectl/snakectl/internal/pool"
)

// assertion is a condition with what is said when it does not hold: the content of
// validation, precondition and assert.
type assertion struct {
	condition, message hcl.Expression
}

var assertionSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "condition", Required: true}, {Name: "error_message", Required: true}},
}

// readAssertion reads the body of an assertion. It is false when the body is wrong,
// which has been reported.
func (l *loader) readAssertion(body hcl.Body) (assertion, bool) {
	content, diags := body.Content(assertionSchema)
	l.hcl(diags, "")
	if diags.HasErrors() {
		return assertion{}, false
	}
	return assertion{content.Attributes["condition"].Expr, content.Attributes["error_message"].Expr}, true
}

// holds evaluates an assertion. Where it does not hold, said is its message; a
// condition that cannot be evaluated has been reported, and holds.
func (l *loader) holds(a assertion, ctx *hcl.EvalContext, addr string) (said string, ok bool) {
	val, evaluated := l.evaluate(a.condition, ctx, addr)
	if !evaluated {
		return "", true
	}
	val, _ = val.UnmarkDeep() // a condition may look at what is sensitive: it tells one bit
	flag, err := convertTo(val, cty.Bool, "must be true or false")
	if err != nil {
		l.errorAt(a.condition.Range(), addr, "Wrong condition", "A condition must be true or false.")
		return "", true
	}
	if flag.True() {
		return "", true
	}
	said = "The condition does not hold."
	if message, evaluated := l.evaluate(a.message, ctx, addr); evaluated {
		if l.refuseSensitive(message, a.message.Range(), addr, "error_message") {
			return said, false
		}
		if text, err := convert.Convert(message, cty.String); err == nil && !text.IsNull() {
			said = text.AsString()
		}
	}
	return said, false
}

const (
	blockPrecondition = "precondition"
	blockAssert       = "assert"
)

// checkPreconditions evaluates the precondition blocks of one pool.
func (l *loader) checkPreconditions(b *hcl.Block, ctx *hcl.EvalContext, addr string) {
	content, _, _ := b.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: blockPrecondition}}})
	for _, inner := range content.Blocks {
		a, ok := l.readAssertion(inner.Body)
		if !ok {
			continue
		}
		if said, ok := l.holds(a, ctx, addr); !ok {
			l.errorAt(a.condition.Range(), addr, fmt.Sprintf("A precondition of %s does not hold", addr), "%s", said)
		}
	}
}

// decodeChecks evaluates the check blocks: what does not hold is a warning.
func (l *loader) decodeChecks() {
	for _, b := range l.unique(blockCheck) {
		content, diags := b.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: blockAssert}}})
		l.hcl(diags, "")
		if len(content.Blocks) == 0 && !diags.HasErrors() {
			l.errorAt(b.DefRange, "", fmt.Sprintf("%s checks nothing", title(b.Type, b.Labels)),
				"Write assert { condition = …, error_message = \"…\" } into it, or remove it.")
		}
		for _, inner := range content.Blocks {
			a, ok := l.readAssertion(inner.Body)
			if !ok {
				continue
			}
			if said, ok := l.holds(a, l.scope.base, ""); !ok {
				l.warnAt(a.condition.Range(), fmt.Sprintf("Check %q does not hold", b.Labels[0]), "%s", said)
			}
		}
	}
}

// checkDependencies resolves depends_on: the name of a for_each family stands for
// its pools, what does not exist is an error, and so is a circle.
func (l *loader) checkDependencies() {
	deps := newDependencies(&l.desired)
	for i := range l.desired.Pools {
		p := &l.desired.Pools[i]
		resolved, unknown := deps.resolve(p.DependsOn)
		for _, name := range unknown {
			l.addAt(p.Address(), "depends_on", SeverityError, fmt.Sprintf("Undeclared pool %s", name),
				fmt.Sprintf("depends_on names %s, which no block declares. Declared: %s.%s", name, orNone(deps.names), didYouMean(name, deps.names)))
		}
		p.DependsOn = resolved
	}
	if cycle := deps.circle(); cycle != nil {
		l.addAt(cycle[0], "depends_on", SeverityError, "Pools depend on each other in a circle",
			chain(cycle)+". Remove one of these from depends_on.")
	}
}

// checkIgnored reports names in ignore_changes that are no attributes.
func (r poolRules) checkIgnored() {
	var known []string
	for _, row := range pool.PoolSchema() {
		if ignorable(&row) {
			known = append(known, row.Path)
		}
	}
	for _, name := range r.pool.IgnoreChanges {
		if !matchesAny(name, known) {
			r.fail("ignore_changes", "A pool has no attribute %q whose change could be ignored. It may hold: %s.%s", clip(name), list(known), didYouMean(name, known))
		}
	}
}
