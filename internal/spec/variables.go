package spec

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// variable is one declared variable.
type variable struct {
	name        string
	description string
	at          hcl.Range
	typ         cty.Type
	optional    *typeexpr.Defaults
	// fallback is the default; cty.NilVal when the variable must be set.
	fallback cty.Value
	nullable bool
	// sensitive: its value is shown nowhere and reaches no attribute.
	sensitive   bool
	validations []assertion
	// broken is true when the declaration itself is wrong: its value is unknown.
	broken bool
}

var variableSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{
		{Name: "type"}, {Name: "default"}, {Name: "description"}, {Name: "nullable"}, {Name: "sensitive"},
	},
	Blocks: []hcl.BlockHeaderSchema{{Type: "validation"}},
}

// declareVariables reads the variable blocks without their values.
func (l *loader) declareVariables() map[string]*variable {
	out := map[string]*variable{}
	for _, b := range l.unique(blockVariable) {
		out[b.Labels[0]] = l.declareVariable(b)
	}
	return out
}

func (l *loader) declareVariable(b *hcl.Block) *variable {
	v := &variable{name: b.Labels[0], at: b.DefRange, typ: cty.DynamicPseudoType, nullable: true}
	content, diags := b.Body.Content(variableSchema)
	for _, inner := range content.Blocks {
		if a, ok := l.readAssertion(inner.Body); ok {
			v.validations = append(v.validations, a)
		}
	}
	if attr := content.Attributes["type"]; attr != nil {
		typ, optional, more := typeexpr.TypeConstraintWithDefaults(attr.Expr)
		diags = append(diags, more...)
		if !more.HasErrors() {
			v.typ, v.optional = typ, optional
		}
	}
	l.hcl(diags, "")
	v.broken = diags.HasErrors()
	if attr := content.Attributes["sensitive"]; attr != nil {
		if val, ok := l.constant(attr, cty.Bool); ok && !val.IsNull() {
			v.sensitive = val.True()
		}
	}
	if attr := content.Attributes["description"]; attr != nil {
		if val, ok := l.constant(attr, cty.String); ok && !val.IsNull() {
			v.description = val.AsString()
		}
	}
	if attr := content.Attributes["nullable"]; attr != nil {
		if val, ok := l.constant(attr, cty.Bool); ok && !val.IsNull() {
			v.nullable = val.True()
		}
	}
	if attr := content.Attributes["default"]; attr != nil {
		l.declareDefault(v, attr)
	}
	return v
}

func (l *loader) declareDefault(v *variable, attr *hcl.Attribute) {
	v.fallback = cty.DynamicVal
	val, ok := l.constant(attr, cty.DynamicPseudoType)
	if !ok || v.broken {
		v.broken = true
		return
	}
	val, err := v.convert(val)
	if err != nil {
		l.errorAt(attr.Expr.Range(), "", "Wrong default", "The default of variable %q does not fit its type: %v.", v.name, err)
		v.broken = true
		return
	}
	v.fallback = val
}

// constant evaluates an attribute that may refer to nothing.
func (l *loader) constant(attr *hcl.Attribute, typ cty.Type) (cty.Value, bool) {
	val, diags := attr.Expr.Value(nil)
	l.hcl(diags, "")
	if diags.HasErrors() {
		return cty.DynamicVal, false
	}
	val, err := convert.Convert(val, typ)
	if err != nil {
		l.errorAt(attr.Expr.Range(), "", fmt.Sprintf("Wrong value for %q", attr.Name), "%s: %v.", attr.Name, err)
		return cty.DynamicVal, false
	}
	return val, true
}

// convert makes a value one of the variable's type, optional attributes filled in.
func (v *variable) convert(val cty.Value) (cty.Value, error) {
	if val.IsNull() {
		if !v.nullable {
			return val, fmt.Errorf("it must not be null")
		}
		return cty.NullVal(v.typ), nil
	}
	if v.optional != nil {
		val = v.optional.Apply(val)
	}
	return convert.Convert(val, v.typ)
}

// valueOf picks the value of a variable: the last input, else its default.
func (l *loader) valueOf(v *variable, in *input) cty.Value {
	if v.broken {
		return cty.DynamicVal
	}
	if in != nil && in.text != nil {
		var ok bool
		if in.value, ok = l.parseInput(v, in); !ok {
			return cty.DynamicVal
		}
	}
	val := l.pick(v, in)
	if v.sensitive {
		val = sensitive(val)
	}
	return val
}

// pick chooses between the last input and the default.
func (l *loader) pick(v *variable, in *input) cty.Value {
	switch {
	case in != nil && in.value.IsNull() && !v.nullable && v.fallback != cty.NilVal:
		return v.fallback
	case in != nil:
		val, err := v.convert(in.value)
		if err != nil {
			l.inputError(in, fmt.Sprintf("Wrong value for variable %q", v.name), fmt.Sprintf("The value from %s does not fit: %v.", in.from, err))
			return cty.DynamicVal
		}
		return val
	case v.fallback == cty.NilVal:
		l.errorAt(v.at, "", fmt.Sprintf("Variable %q has no value", v.name),
			"Pass --var %s=VALUE, set %s%s in the environment, or write it into a file snakectl.auto.hclvars beside the configuration.", v.name, envPrefix, v.name)
		return cty.DynamicVal
	}
	return v.fallback
}

// validate evaluates a variable's validation blocks in ctx, which holds var.
func (l *loader) validate(v *variable, ctx *hcl.EvalContext) {
	for _, check := range v.validations {
		if said, ok := l.holds(check, ctx, ""); !ok {
			l.errorAt(check.condition.Range(), "", fmt.Sprintf("Invalid value for variable %q", v.name), "%s", said)
		}
	}
}

// shown is the text of an input in a sentence, with a space before it; empty for one
// that must not be shown.
func (v *variable) shown(text string) string {
	if v.sensitive {
		return ""
	}
	return fmt.Sprintf(" %q", text)
}
