package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// localSet orders locals by what they refer to.
type localSet struct {
	attrs map[string]*hcl.Attribute
	// path is the chain of locals being evaluated, for naming a cycle; active
	// holds the same names.
	path   []string
	active map[string]bool
	done   map[string]bool
}

// evaluateLocals evaluates all locals in the order of their references.
func (l *loader) evaluateLocals() {
	set := &localSet{attrs: map[string]*hcl.Attribute{}, active: map[string]bool{}, done: map[string]bool{}}
	for _, b := range l.blocks.of(blockLocals) {
		attrs, diags := b.Body.JustAttributes()
		l.hcl(diags, "")
		for _, name := range slices.Sorted(maps.Keys(attrs)) {
			if other := set.attrs[name]; other != nil {
				l.errorAt(attrs[name].NameRange, "", fmt.Sprintf("Duplicate local value %q", name),
					"The first one is at %s line %d.", other.NameRange.Filename, other.NameRange.Start.Line)
				continue
			}
			set.attrs[name] = attrs[name]
			l.scope.locals[name] = cty.DynamicVal
		}
	}
	for _, name := range slices.Sorted(maps.Keys(set.attrs)) {
		l.evaluateLocal(set, name)
	}
}

// evaluateLocal evaluates one local after those it refers to.
func (l *loader) evaluateLocal(set *localSet, name string) {
	if set.done[name] {
		return
	}
	attr := set.attrs[name]
	if set.active[name] {
		cycle := append(slices.Clone(set.path[slices.Index(set.path, name):]), name)
		l.errorAt(attr.NameRange, "", "Local values refer to each other in a circle",
			"local.%s. Replace one of these references by a value.", strings.Join(cycle, " -> local."))
		return
	}
	set.path, set.active[name] = append(set.path, name), true
	needed := map[string]cty.Value{}
	for _, dep := range set.references(attr.Expr) {
		l.evaluateLocal(set, dep)
		needed[dep] = l.scope.locals[dep]
	}
	ctx := l.scope.base.NewChild()
	ctx.Variables = map[string]cty.Value{"local": cty.ObjectVal(needed)}
	if val, ok := l.evaluate(attr.Expr, ctx, ""); ok {
		l.scope.locals[name] = val
	}
	set.path, set.active[name] = set.path[:len(set.path)-1], false
	set.done[name] = true
}

// references returns the locals an expression names; all of them when it uses
// local as a whole.
func (s *localSet) references(expr hcl.Expression) []string {
	found := map[string]bool{}
	for _, t := range expr.Variables() {
		if t.RootName() != "local" {
			continue
		}
		attr, ok := firstAttr(t)
		if !ok {
			return slices.Sorted(maps.Keys(s.attrs))
		}
		if s.attrs[attr] != nil {
			found[attr] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func firstAttr(t hcl.Traversal) (string, bool) {
	if len(t) < 2 {
		return "", false
	}
	attr, ok := t[1].(hcl.TraverseAttr)
	return attr.Name, ok
}
