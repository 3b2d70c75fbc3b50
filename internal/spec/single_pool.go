package spec

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// A configuration of Snakepit 0.5 has one pool and no block for it: its attributes stand
// at the top of a file. Such a file is read as pool "default".

// formerPool is the label of that pool.
const formerPool = "default"

// former says what an attribute of the 0.5 style is called now. A number gets the unit.
type former struct{ name, path, unit string }

var formerAttributes = []former{
	{"adapter", "adapter", ""},
	{"pool_size", "size", ""},
	{"worker_profile", "profile", ""},
	{"threads_per_worker", "threads_per_worker", ""},
	{"env", "env", ""},
	{"worker_ttl", "lifecycle.ttl", "s"},
	{"worker_max_requests", "lifecycle.max_requests", ""},
	{"memory_threshold_mb", "lifecycle.max_memory", "MiB"},
}

func formerNamed(name string) (former, bool) {
	i := slices.IndexFunc(formerAttributes, func(f former) bool { return f.name == name })
	if i < 0 {
		return former{}, false
	}
	return formerAttributes[i], true
}

// formerOf returns the attributes of the 0.5 style at the top of a body, in the order of
// the file; none where the body has a pool block.
func formerOf(body *hclsyntax.Body) []*hclsyntax.Attribute {
	if slices.ContainsFunc(body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == blockPool }) {
		return nil
	}
	var out []*hclsyntax.Attribute
	for _, attr := range body.Attributes {
		if _, ok := formerNamed(attr.Name); ok {
			out = append(out, attr)
		}
	}
	slices.SortFunc(out, func(a, b *hclsyntax.Attribute) int { return cmp.Compare(a.SrcRange.Start.Byte, b.SrcRange.Start.Byte) })
	return out
}

// readFormer makes a pool block of the attributes of the 0.5 style, in place: all of
// them keep where they stand, for diagnostics.
func (l *loader) readFormer(body *hclsyntax.Body) {
	attrs := formerOf(body)
	if len(attrs) == 0 {
		return
	}
	first, last := attrs[0], attrs[len(attrs)-1]
	inner := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, SrcRange: first.SrcRange, EndRange: last.SrcRange}
	nested := map[string]*hclsyntax.Body{}
	for _, attr := range attrs {
		f, _ := formerNamed(attr.Name)
		into, name := inner, f.path
		if block, rest, ok := strings.Cut(f.path, "."); ok {
			if nested[block] == nil {
				nested[block] = &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, SrcRange: attr.SrcRange, EndRange: attr.SrcRange}
				inner.Blocks = append(inner.Blocks, &hclsyntax.Block{
					Type: block, Body: nested[block], TypeRange: attr.NameRange, OpenBraceRange: attr.NameRange, CloseBraceRange: attr.SrcRange,
				})
			}
			into, name = nested[block], rest
		}
		renamed := *attr
		renamed.Name, renamed.Expr = name, withUnit(attr.Expr, f.unit)
		into.Attributes[name] = &renamed
		delete(body.Attributes, attr.Name)
	}
	body.Blocks = append(body.Blocks, &hclsyntax.Block{
		Type: blockPool, Labels: []string{formerPool}, Body: inner, TypeRange: first.NameRange,
		LabelRanges: []hcl.Range{first.NameRange}, OpenBraceRange: first.NameRange, CloseBraceRange: last.SrcRange,
	})
	l.warnAt(first.NameRange, "A pool in the style of Snakepit 0.5",
		"It is read as pool \"%s\" { … }. Write it that way, or have it done: snakectl fmt --upgrade.", formerPool)
}

// withUnit makes a number what it is now: 3600 is "3600s".
func withUnit(expr hclsyntax.Expression, unit string) hclsyntax.Expression {
	if unit == "" || !isNumber(expr) {
		return expr
	}
	return &hclsyntax.TemplateExpr{
		Parts: []hclsyntax.Expression{expr, &hclsyntax.LiteralValueExpr{Val: cty.StringVal(unit), SrcRange: expr.Range()}}, SrcRange: expr.Range(),
	}
}

// isNumber reports whether an expression is a number whatever it refers to.
func isNumber(expr hclsyntax.Expression) bool {
	val, diags := expr.Value(nil)
	return !diags.HasErrors() && val.Type() == cty.Number && !val.IsNull()
}

// Upgrade returns src with a pool of the 0.5 style written as a block, and formatted.
// What is in no need of it is only formatted. Comments above an attribute go with it.
func Upgrade(src []byte, name string) ([]byte, error) {
	formatted, err := Format(src, name)
	if err != nil || strings.HasSuffix(name, ".hclvars") { // which hold variables of any name
		return formatted, err
	}
	file, diags := parseSource(src, name)
	native, ok := file.Body.(*hclsyntax.Body)
	if diags.HasErrors() || !ok {
		return formatted, nil
	}
	attrs := formerOf(native)
	if len(attrs) == 0 {
		return formatted, nil
	}
	out, diags := hclwrite.ParseConfig(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		return formatted, nil
	}
	lines := map[string]hclwrite.Tokens{}
	for _, attr := range attrs {
		f, _ := formerNamed(attr.Name)
		block, rest, nested := strings.Cut(f.path, ".")
		if !nested {
			block, rest = "", f.path
		}
		written := out.Body().GetAttribute(attr.Name)
		unit := f.unit
		if !isNumber(attr.Expr) {
			unit = ""
		}
		lines[block] = append(lines[block], rename(written, rest, unit)...)
		out.Body().RemoveAttribute(attr.Name)
	}
	made := hclwrite.NewBlock(blockPool, []string{formerPool})
	made.Body().AppendUnstructuredTokens(lines[""])
	if len(lines["lifecycle"]) > 0 {
		made.Body().AppendNewline()
		made.Body().AppendNewBlock("lifecycle", nil).Body().AppendUnstructuredTokens(lines["lifecycle"])
	}
	out.Body().AppendBlock(made)
	return hclwrite.Format([]byte(strings.TrimLeft(string(out.Bytes()), "\n"))), nil
}

// rename returns the tokens of an attribute, its comments included, with another name
// and, where there is a unit, a number that became a text with it.
func rename(attr *hclwrite.Attribute, name, unit string) hclwrite.Tokens {
	tokens, value := attr.BuildTokens(nil), attr.Expr().BuildTokens(nil)
	at := slices.IndexFunc(tokens, func(t *hclwrite.Token) bool { return t.Type == hclsyntax.TokenIdent })
	equals := at + 1 + slices.IndexFunc(tokens[at+1:], func(t *hclwrite.Token) bool { return t.Type == hclsyntax.TokenEqual })
	rest := tokens[equals+1+len(value):]
	out := append(slices.Clone(tokens[:at]), &hclwrite.Token{Type: hclsyntax.TokenIdent, Bytes: []byte(name)}, tokens[equals])
	if unit != "" {
		value = hclwrite.TokensForValue(cty.StringVal(strings.TrimSpace(string(value.Bytes())) + unit))
	}
	return append(append(out, value...), rest...)
}
