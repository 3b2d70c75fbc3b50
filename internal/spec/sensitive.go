package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// sensitiveMark is on values that are shown nowhere. It stays on whatever is made
// from them.
type sensitiveMark struct{}

func sensitive(val cty.Value) cty.Value { return val.Mark(sensitiveMark{}) }

// refuseSensitive reports a value that holds something sensitive where it would be
// stored or shown, and whether it did. The value itself is in no diagnostic.
func (l *loader) refuseSensitive(val cty.Value, at hcl.Range, pool, attribute string) bool {
	if !val.ContainsMarked() {
		return false
	}
	l.errorAt(at, pool, fmt.Sprintf("A sensitive value in %q", attribute),
		"The accepted configuration stores and shows %s. Declare secret \"NAME\" { env = \"…\" } and pass it to the workers with secrets = { VARIABLE = secret.NAME }.", attribute)
	return true
}

// Variable is one variable as a configuration was evaluated with it.
type Variable struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Value is in JSON; null where it is sensitive.
	Value     json.RawMessage `json:"value"`
	Sensitive bool            `json:"sensitive"`
	// From says where the value came from: default, --var, a file or SNAKECTL_VAR_NAME.
	From        string `json:"from"`
	Description string `json:"description,omitempty"`
}

// variables lists the declared variables with their values, by name.
func (l *loader) variables() []Variable {
	out := []Variable{}
	for _, name := range slices.Sorted(maps.Keys(l.declared)) {
		v := l.declared[name]
		shown := Variable{Name: name, Type: typeexpr.TypeString(v.typ), Sensitive: v.sensitive, From: "default", Description: v.description, Value: json.RawMessage("null")}
		if in := l.inputs[name]; in != nil {
			shown.From = in.from
		}
		if val := l.scope.variables[name]; !v.sensitive {
			if b, err := ctyjson.Marshal(val, val.Type()); err == nil {
				shown.Value = b
			}
		}
		out = append(out, shown)
	}
	return out
}

// usesSensitive reports whether an expression refers to something sensitive.
func usesSensitive(expr hcl.Expression, ctx *hcl.EvalContext) bool {
	for _, t := range expr.Variables() {
		if val, diags := t.TraverseAbs(ctx); !diags.HasErrors() && val.ContainsMarked() {
			return true
		}
	}
	return false
}

// Values returns the values of the variables by name as JSON; a sensitive one is nil.
func (c *Config) Values() map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, v := range c.Variables {
		out[v.Name] = v.Value
		if v.Sensitive {
			out[v.Name] = nil
		}
	}
	return out
}
