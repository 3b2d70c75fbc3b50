package spec

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

const (
	envPrefix = "SNAKECTL_VAR_"
	autoFile  = "snakectl.auto.hclvars"
)

// input is a value for a variable from outside the configuration.
type input struct {
	// from says where it came from: --var, or a file's name.
	from string
	// at is its place when it came from a file.
	at *hcl.Range
	// text is what --var or the environment said; its meaning depends on the
	// variable's type. nil when value is set.
	text  *string
	value cty.Value
}

func (l *loader) inputError(in *input, summary, detail string) {
	if in.at != nil {
		l.errorAt(*in.at, "", summary, "%s", detail)
		return
	}
	l.add(Diagnostic{Severity: SeverityError, Summary: summary, Detail: detail})
}

// readInputs gathers the values for variables, the later source winning:
// environment, snakectl.auto.hclvars, other *.auto.hclvars, --var-file, --var.
func (l *loader) readInputs(declared map[string]*variable) map[string]*input {
	out := map[string]*input{}
	for _, pair := range l.opts.Env {
		key, text, _ := strings.Cut(pair, "=")
		if name, ok := strings.CutPrefix(key, envPrefix); ok && declared[name] != nil {
			out[name] = &input{from: key, text: &text}
		}
	}
	for _, v := range declared {
		l.hidden = l.hidden || v.sensitive
	}
	for _, name := range append(l.autoFiles(), l.opts.VarFiles...) {
		l.readVarFile(name, declared, out)
	}
	l.hidden = false
	for _, pair := range l.opts.Vars {
		name, text, found := strings.Cut(pair, "=")
		switch {
		case !found || name == "":
			l.add(Diagnostic{Severity: SeverityError, Summary: fmt.Sprintf("--var %q is not NAME=VALUE", pair), Detail: "Write --var size=4."})
		case declared[name] == nil:
			names := slices.Collect(maps.Keys(declared))
			l.add(Diagnostic{
				Severity: SeverityError, Summary: fmt.Sprintf("--var sets the undeclared variable %q", name),
				Detail: fmt.Sprintf("Declare it with variable %q { }. The configuration has: %s.%s", name, orNone(names), didYouMean(name, names)),
			})
		default:
			out[name] = &input{from: "--var", text: &text}
		}
	}
	return out
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return list(names)
}

// autoFiles returns the variable files that are read without being named.
func (l *loader) autoFiles() []string {
	found, err := filepath.Glob(filepath.Join(globEscape(l.root), "*.auto.hclvars"))
	if err != nil {
		return nil
	}
	slices.SortFunc(found, func(a, b string) int {
		aFirst, bFirst := filepath.Base(a) == autoFile, filepath.Base(b) == autoFile
		switch {
		case aFirst && !bFirst:
			return -1
		case bFirst && !aFirst:
			return 1
		}
		return strings.Compare(a, b)
	})
	return found
}

// globEscape quotes a directory so that a glob takes it literally.
func globEscape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// readVarFile reads NAME = VALUE lines; values may refer to nothing.
func (l *loader) readVarFile(name string, declared map[string]*variable, out map[string]*input) {
	body := l.parse(name)
	if body == nil {
		return
	}
	attrs, diags := body.JustAttributes()
	l.hcl(diags, "")
	for _, key := range slices.Sorted(maps.Keys(attrs)) {
		attr := attrs[key]
		if declared[key] == nil {
			names := slices.Collect(maps.Keys(declared))
			l.warnAt(attr.NameRange, fmt.Sprintf("Undeclared variable %q", key),
				"The value is ignored. Declare it with variable %q { }.%s", key, didYouMean(key, names))
			continue
		}
		val, ok := l.constant(attr, cty.DynamicPseudoType)
		if !ok {
			val = cty.DynamicVal
		}
		out[key] = &input{from: name, at: attr.Expr.Range().Ptr(), value: val}
	}
}

// parseInput gives the text of --var or the environment its meaning: itself for
// a variable that may be a string, an expression for lists, maps and objects.
func (l *loader) parseInput(v *variable, in *input) (cty.Value, bool) {
	text := cty.StringVal(*in.text)
	if v.typ == cty.DynamicPseudoType || v.typ == cty.String {
		return text, true
	}
	if v.typ.IsPrimitiveType() {
		val, err := convert.Convert(text, v.typ)
		if err != nil {
			l.inputError(in, fmt.Sprintf("Wrong value for variable %q", v.name), fmt.Sprintf("The value%s from %s does not fit: %v.", v.shown(*in.text), in.from, err))
			return cty.DynamicVal, false
		}
		return val, true
	}
	src := []byte(*in.text)
	fail := func(why string) (cty.Value, bool) {
		if v.sensitive {
			why = "It is sensitive, and not shown."
		}
		l.inputError(in, fmt.Sprintf("Wrong value for variable %q", v.name),
			fmt.Sprintf("The value from %s is not an expression such as [\"a\", \"b\"] or {a = 1}: %s", in.from, why))
		return cty.DynamicVal, false
	}
	if d := checkSize(in.from, int64(len(src))); d != nil {
		return fail(d.Detail)
	}
	if d := checkExpression(src, in.from); d != nil {
		return fail(d.Detail)
	}
	expr, diags := hclsyntax.ParseExpression(src, in.from, hcl.InitialPos)
	if diags.HasErrors() {
		return fail(diags[0].Detail)
	}
	val, diags := expr.Value(nil)
	if diags.HasErrors() {
		return fail(diags[0].Detail)
	}
	return val, true
}
