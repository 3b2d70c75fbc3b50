package spec

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// runtimeType is the type of a reference to a runtime: it can be assigned to the
// attribute runtime and to nothing else.
var runtimeType = cty.Capsule("runtime reference", reflect.TypeFor[string]())

const (
	runtimePrefix  = "runtime.python."
	defaultRuntime = "default"
)

// scope is what expressions may refer to.
type scope struct {
	variables map[string]cty.Value
	locals    map[string]cty.Value
	runtimes  map[string]cty.Value
	base      *hcl.EvalContext
}

// buildScope evaluates variables and locals.
func (l *loader) buildScope() {
	declared := l.declareVariables()
	l.scope = &scope{variables: map[string]cty.Value{}, locals: map[string]cty.Value{}, runtimes: map[string]cty.Value{}}
	inputs := l.readInputs(declared)
	l.declared, l.inputs = declared, inputs
	for name, v := range declared {
		l.scope.variables[name] = l.valueOf(v, inputs[name])
	}
	l.scope.runtimes[defaultRuntime] = runtimeRef(defaultRuntime)
	for _, b := range l.blocks.of(blockRuntime) {
		l.scope.runtimes[b.Labels[1]] = runtimeRef(b.Labels[1])
	}
	l.scope.base = &hcl.EvalContext{
		Functions: functions(l.root),
		Variables: map[string]cty.Value{
			"var":     cty.ObjectVal(l.scope.variables),
			"local":   cty.EmptyObjectVal,
			"runtime": cty.ObjectVal(map[string]cty.Value{"python": cty.ObjectVal(l.scope.runtimes)}),
			"host":    l.host.value(),
			"path":    cty.ObjectVal(map[string]cty.Value{"root": cty.StringVal(l.root)}),
		},
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		l.validate(declared[name], l.scope.base)
	}
	l.evaluateLocals()
	l.scope.base.Variables["local"] = cty.ObjectVal(l.scope.locals)
}

func runtimeRef(name string) cty.Value {
	addr := runtimePrefix + name
	return cty.CapsuleVal(runtimeType, &addr)
}

// evaluate returns the value of an expression. It is false when there is none:
// the reason has been reported, here or where the expression refers to.
func (l *loader) evaluate(expr hcl.Expression, ctx *hcl.EvalContext, pool string) (cty.Value, bool) {
	sound := true
	for _, t := range expr.Variables() {
		sound = l.checkReference(t, ctx, pool) && sound
	}
	if !sound {
		return cty.DynamicVal, false
	}
	val, diags := expr.Value(ctx)
	if diags.HasErrors() && usesSensitive(expr, ctx) {
		for _, d := range diags {
			d.Detail = "It uses a sensitive value, so what is wrong with it is not shown."
		}
	}
	l.hcl(diags, pool)
	if diags.HasErrors() || !val.IsWhollyKnown() {
		return cty.DynamicVal, false
	}
	return val, true
}

// checkReference reports a reference to what does not exist in words of this
// language; what it does not know is left to HCL.
func (l *loader) checkReference(t hcl.Traversal, ctx *hcl.EvalContext, pool string) bool {
	root, rest := t.RootName(), t[1:]
	if why, ok := reserved[root]; ok {
		l.errorAt(t.SourceRange(), pool, fmt.Sprintf("%q cannot be used here", root), "%s", why)
		return false
	}
	switch root {
	case "var":
		return l.checkMember(t, rest, l.scope.variables, pool, "variable", "Declare it with variable %q { }.")
	case "local":
		return l.checkMember(t, rest, l.scope.locals, pool, "local value", "Declare it in a locals block: %s = ….")
	case "runtime":
		if len(rest) > 0 {
			if attr, ok := rest[0].(hcl.TraverseAttr); !ok || attr.Name != "python" {
				l.errorAt(t.SourceRange(), pool, "Unknown runtime", "Only Python runtimes exist: runtime.python.NAME.")
				return false
			}
			rest = rest[1:]
		}
		return l.checkMember(t, rest, l.scope.runtimes, pool, "runtime", "Declare it with runtime \"python\" %q { }.")
	case "each":
		if !hasVariable(ctx, "each") {
			l.errorAt(t.SourceRange(), pool, "each without for_each", "each.key and each.value exist only in a pool with for_each.")
			return false
		}
	}
	return true
}

// checkMember checks the name that follows a root such as var.
func (l *loader) checkMember(t, rest hcl.Traversal, have map[string]cty.Value, pool, kind, mend string) bool {
	if len(rest) == 0 {
		return true
	}
	attr, ok := rest[0].(hcl.TraverseAttr)
	if !ok {
		return true
	}
	if _, ok := have[attr.Name]; ok {
		return true
	}
	names := slices.Collect(maps.Keys(have))
	l.errorAt(t.SourceRange(), pool, fmt.Sprintf("Undeclared %s %q", kind, attr.Name),
		"%s Declared: %s.%s", fmt.Sprintf(mend, attr.Name), orNone(names), didYouMean(attr.Name, names))
	return false
}

func hasVariable(ctx *hcl.EvalContext, name string) bool {
	for ; ctx != nil; ctx = ctx.Parent() {
		if _, ok := ctx.Variables[name]; ok {
			return true
		}
	}
	return false
}
