package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/snakectl/snakectl/internal/pool"
)

var movedSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "from", Required: true}, {Name: "to", Required: true}},
}

// decodeMoved reads the moved blocks, after the pools: a pool that is still declared
// does not move, and it moves to one that is.
func (l *loader) decodeMoved() {
	declared := newDependencies(&l.desired)
	for _, b := range l.blocks.of(blockMoved) {
		content, diags := b.Body.Content(movedSchema)
		l.hcl(diags, "")
		if diags.HasErrors() {
			continue
		}
		from, to := content.Attributes["from"], content.Attributes["to"]
		source, ok := l.poolName(from.Expr, nil, "")
		target, ok2 := l.poolName(to.Expr, nil, "")
		if ok && ok2 && l.checkMove(from, to, source, target, declared) {
			l.desired.Moved = append(l.desired.Moved, pool.Move{From: source, To: target})
		}
	}
	for i := range l.desired.Pools {
		if addr := l.desired.Pools[i].Address(); l.desired.Follow(addr) != addr {
			l.addAt(addr, "", SeverityError, fmt.Sprintf("%s is moved and declared", addr),
				fmt.Sprintf("A moved block says that it goes on as %s. Remove the moved block, or this pool.", l.desired.Follow(addr)))
		}
	}
}

// checkMove reports a move that contradicts others or goes nowhere.
func (l *loader) checkMove(from, to *hcl.Attribute, source, target string, declared *dependencies) bool {
	for _, m := range l.desired.Moved {
		if m.From == source {
			l.errorAt(from.Expr.Range(), "", "Two moves of one pool", "%s moves to %s already. Keep one of the two blocks.", source, m.To)
			return false
		}
		if m.To == target {
			l.errorAt(to.Expr.Range(), "", "Two moves to one pool", "%s moves to %s already. Keep one of the two blocks.", m.From, target)
			return false
		}
	}
	with := pool.Desired{Moved: append(slices.Clone(l.desired.Moved), pool.Move{From: source, To: target})}
	if end := with.Follow(source); source == target || end != target && with.Follow(end) != end {
		l.errorAt(to.Expr.Range(), "", "A pool moves in a circle", "%s would go on as itself. Remove a moved block.", source)
		return false
	}
	_, key := pool.SplitAddress(target)
	_, keyed := pool.SplitAddress(source)
	family := declared.families[target]
	switch {
	case key == "" && keyed != "" && len(family) > 0 && family[0] != target:
		l.errorAt(to.Expr.Range(), "", "A pool moves to one of several", "%s has for_each. Say which of its pools: %s.", target, strings.Join(family, ", "))
		return false
	case len(family) == 0 && !l.movesOn(target):
		l.errorAt(to.Expr.Range(), "", fmt.Sprintf("Undeclared pool %s", target),
			"%s is to go on as %s, which no block declares. Declared: %s.%s", source, target, orNone(declared.names), didYouMean(target, declared.names))
		return false
	}
	return true
}

// movesOn reports whether a block moves the pool at addr itself.
func (l *loader) movesOn(addr string) bool {
	for _, b := range l.blocks.of(blockMoved) {
		content, _, _ := b.Body.PartialContent(movedSchema)
		if attr := content.Attributes["from"]; attr != nil {
			if t, diags := hcl.AbsTraversalForExpr(attr.Expr); !diags.HasErrors() {
				if from, err := poolOfTraversal(t); err == nil && from == addr {
					return true
				}
			}
		}
	}
	return false
}

// poolName reads what names a pool: pool.api, pool.etl["eu"] or such a string.
func (l *loader) poolName(expr hcl.Expression, ctx *hcl.EvalContext, addr string) (string, bool) {
	const how = "Write pool.NAME, or pool.NAME[\"KEY\"] for one of a for_each."
	if t, diags := hcl.AbsTraversalForExpr(expr); !diags.HasErrors() && t.RootName() == blockPool {
		name, err := poolOfTraversal(t)
		if err != nil {
			l.errorAt(expr.Range(), addr, "Not the name of a pool", "%v. %s", err, how)
			return "", false
		}
		return name, true
	}
	val, ok := l.evaluate(expr, ctx, addr)
	if !ok {
		return "", false
	}
	if val.IsNull() || val.IsMarked() || val.Type() != cty.String {
		l.errorAt(expr.Range(), addr, "Not the name of a pool", "%s", how)
		return "", false
	}
	name, err := pool.ParseAddress(val.AsString())
	if err != nil {
		l.errorAt(expr.Range(), addr, "Not the name of a pool", "%v. %s", err, how)
		return "", false
	}
	return name, true
}

// poolOfTraversal returns the address that pool.etl["eu"] or pool.etl.eu names.
func poolOfTraversal(t hcl.Traversal) (string, error) {
	var words []string
	for _, step := range t[1:] {
		switch step := step.(type) {
		case hcl.TraverseAttr:
			words = append(words, step.Name)
		case hcl.TraverseIndex:
			if step.Key.Type() != cty.String {
				return "", fmt.Errorf("a key is a string in quotation marks")
			}
			words = append(words, step.Key.AsString())
		}
	}
	if len(words) == 0 || len(words) > 2 || len(words) != len(t)-1 || !pool.ValidLabel(words[0]) {
		return "", fmt.Errorf("it names no pool")
	}
	return pool.Address(words[0], strings.Join(words[1:], "")), nil
}

// listed reads a list of names: of pools or of attributes.
func (d *decoder) listed(row *pool.Row, attr *hcl.Attribute) {
	items, diags := hcl.ExprList(attr.Expr)
	if diags.HasErrors() {
		d.errorAt(attr.Expr.Range(), d.pool, fmt.Sprintf("Wrong value for %q", row.Path), "%s must be a list in brackets, such as %s.", row.Path, listedExample(row))
		return
	}
	names, sound := []string{}, true
	for _, item := range items {
		read := d.attributeName
		if row.Type == pool.TypePools {
			read = func(expr hcl.Expression) (string, bool) { return d.poolName(expr, d.ctx, d.pool) }
		}
		name, ok := read(item)
		sound = sound && ok
		names = append(names, name)
	}
	if !sound {
		return
	}
	slices.Sort(names)
	d.out.values[row.Path] = slices.Compact(names)
	d.out.places[row.Path] = place{attr.Range, d.block}
}

func listedExample(row *pool.Row) string {
	if row.Type == pool.TypePools {
		return "[pool.api]"
	}
	return "[size, queue.max]"
}

// attributeName reads queue.max, with or without quotation marks.
func (d *decoder) attributeName(expr hcl.Expression) (string, bool) {
	if t, diags := hcl.AbsTraversalForExpr(expr); !diags.HasErrors() {
		words := []string{t.RootName()}
		for _, step := range t[1:] {
			if attr, ok := step.(hcl.TraverseAttr); ok {
				words = append(words, attr.Name)
			}
		}
		if len(words) == len(t) {
			return strings.Join(words, "."), true
		}
	}
	if val, diags := expr.Value(nil); !diags.HasErrors() && !val.IsNull() && val.Type() == cty.String {
		return val.AsString(), true
	}
	d.errorAt(expr.Range(), d.pool, "Not the name of an attribute", "Write the name as in the pool itself: [size, queue.max].")
	return "", false
}
