package spec

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/snakectl/snakectl/internal/pool"
)

// Words of the schema table's defaults that are not values.
const (
	defaultCores      = "cores"
	defaultWorkingDir = "the configuration's directory"
	defaultExec       = "settings.access.exec"
)

// defaultOf returns the default of a row in JSON form; the empty value of its
// type when the table has none.
func (l *loader) defaultOf(row *pool.Row) any {
	switch row.Default {
	case "":
		return emptyOf(row.Type)
	case defaultCores:
		return l.host.CPUs
	case defaultWorkingDir:
		return "."
	case defaultExec:
		return l.desired.Settings.Access.Exec
	}
	if row.Type == pool.TypeRuntimeRef {
		return row.Default
	}
	return json.RawMessage(row.Default)
}

func emptyOf(t pool.Type) any {
	switch t {
	case pool.TypeBool:
		return false
	case pool.TypeInt:
		return 0
	case pool.TypeNumber:
		return 0.0
	case pool.TypeSize:
		return "0B"
	case pool.TypeDuration:
		return "0s"
	case pool.TypeStrings, pool.TypePaths, pool.TypePools, pool.TypeAttributes:
		return []string{}
	case pool.TypeStringMap, pool.TypeObject:
		return map[string]any{}
	case pool.TypeString, pool.TypePath, pool.TypeRuntimeRef, pool.TypeForEach:
		return ""
	case pool.TypeShare:
		return 0
	}
	panic(fmt.Sprintf("internal error: unknown type %q in the schema table", t))
}

// jsonValue converts the value of an attribute to its JSON form and checks it
// against the row. An error continues the sentence "NAME …".
func jsonValue(row *pool.Row, val cty.Value) (any, error) {
	switch row.Type {
	case pool.TypeBool:
		flag, err := convertTo(val, cty.Bool, "must be true or false")
		if err != nil {
			return nil, err
		}
		return flag.True(), nil
	case pool.TypeInt:
		return intValue(row, val)
	case pool.TypeDuration:
		return durationValue(row, val)
	case pool.TypeNumber:
		return numberValue(row, val)
	case pool.TypeSize:
		return sizeValue(row, val)
	case pool.TypeShare:
		return shareValue(row, val)
	case pool.TypeString, pool.TypePath:
		return stringValue(row, val)
	case pool.TypeStrings, pool.TypePaths:
		return stringsValue(row, val)
	case pool.TypeStringMap:
		return stringMapValue(val)
	case pool.TypeObject:
		return objectValue(val)
	case pool.TypeRuntimeRef:
		if val.Type() != runtimeType {
			return nil, fmt.Errorf("must be a reference such as runtime.python.app, without quotes, not %s", describe(val))
		}
		return *val.EncapsulatedValue().(*string), nil
	case pool.TypeForEach, pool.TypePools, pool.TypeAttributes:
	}
	panic(fmt.Sprintf("internal error: the value of %q cannot be decoded as %q", row.Path, row.Type))
}

// describe names a value for "must be …, not …".
func describe(val cty.Value) string {
	switch {
	case val.IsNull():
		return "null"
	case val.Type() == cty.String:
		return fmt.Sprintf("the string %q", clip(val.AsString()))
	case val.Type() == cty.Number:
		return "the number " + val.AsBigFloat().Text('g', -1)
	case val.Type() == cty.Bool:
		return fmt.Sprintf("%v", val.True())
	}
	return "a value of type " + val.Type().FriendlyName()
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

func convertTo(val cty.Value, want cty.Type, must string) (cty.Value, error) {
	out, err := convert.Convert(val, want)
	if err != nil || out.IsNull() {
		return out, fmt.Errorf("%s, not %s", must, describe(val))
	}
	return out, nil
}

func intValue(row *pool.Row, val cty.Value) (any, error) {
	must := "must be a whole number"
	if row.Min != 0 || row.Max != 0 {
		must = fmt.Sprintf("must be a whole number from %d to %d", row.Min, row.Max)
	}
	number, err := convertTo(val, cty.Number, must)
	if err != nil {
		return nil, err
	}
	n, accuracy := number.AsBigFloat().Int64()
	if accuracy != big.Exact || !inBounds(row, n) {
		return nil, fmt.Errorf("%s, not %s", must, describe(val))
	}
	return n, nil
}

func inBounds(row *pool.Row, n int64) bool {
	return row.Min == 0 && row.Max == 0 || n >= row.Min && n <= row.Max
}

func durationValue(row *pool.Row, val cty.Value) (any, error) {
	if val.Type() != cty.String {
		return nil, fmt.Errorf("must be a duration such as \"30s\" or \"1h30m\", in quotes, not %s", describe(val))
	}
	d, err := pool.ParseDuration(val.AsString())
	if err != nil {
		return nil, fmt.Errorf("must be a duration such as \"250ms\", \"30s\" or \"1h30m\", not %s", describe(val))
	}
	if !inBounds(row, int64(d)) {
		return nil, fmt.Errorf("must be a duration from %s to %s, not %s", pool.Duration(row.Min), pool.Duration(row.Max), d)
	}
	return d.String(), nil
}

func stringValue(row *pool.Row, val cty.Value) (any, error) {
	text, err := convertTo(val, cty.String, "must be a string")
	if err != nil {
		return nil, err
	}
	s := text.AsString()
	if err := accepted(row, "must be", s); err != nil {
		return nil, err
	}
	return s, nil
}

// accepted checks a string against what the row accepts; must begins the error.
func accepted(row *pool.Row, must, s string) error {
	if row.Accepts == nil || slices.Contains(row.Accepts, s) {
		return nil
	}
	hint := ""
	if near := pool.Nearest(s, row.Accepts); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	return fmt.Errorf("%s one of %s, not %q%s", must, quoted(row.Accepts), clip(s), hint)
}

func stringsValue(row *pool.Row, val cty.Value) (any, error) {
	const must = "must be a list of strings"
	items, err := convertTo(val, cty.List(cty.String), must)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for it := items.ElementIterator(); it.Next(); {
		_, item := it.Element()
		if item.IsNull() {
			return nil, fmt.Errorf("%s, and one of them is null", must)
		}
		if err := accepted(row, "may hold", item.AsString()); err != nil {
			return nil, err
		}
		out = append(out, item.AsString())
	}
	return out, nil
}

func stringMapValue(val cty.Value) (any, error) {
	const must = "must be a map of strings"
	items, err := convertTo(val, cty.Map(cty.String), must)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for it := items.ElementIterator(); it.Next(); {
		key, item := it.Element()
		if item.IsNull() {
			return nil, fmt.Errorf("%s, and the value of %q is null", must, key.AsString())
		}
		out[key.AsString()] = item.AsString()
	}
	return out, nil
}

// objectValue converts any value that JSON can carry unharmed.
func objectValue(val cty.Value) (any, error) {
	if t := val.Type(); !t.IsObjectType() && !t.IsMapType() {
		return nil, fmt.Errorf("must be an object such as { key = \"value\" }, not %s", describe(val))
	}
	err := cty.Walk(val, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.Type().IsCapsuleType() {
			return false, fmt.Errorf("holds a %s, which is only of use as the pool's runtime", v.Type().FriendlyName())
		}
		if v.Type() == cty.Number && !v.IsNull() {
			if f := v.AsBigFloat(); f.IsInt() && (f.Cmp(maxExact) > 0 || f.Cmp(minExact) < 0) {
				return false, fmt.Errorf("holds %s, which JSON numbers cannot carry exactly: write it as a string", f.Text('g', 32))
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	b, err := ctyjson.Marshal(val, val.Type())
	if err != nil {
		return nil, fmt.Errorf("cannot be written as JSON: %w", err)
	}
	return json.RawMessage(b), nil
}

var (
	maxExact = big.NewFloat(1 << 53)
	minExact = big.NewFloat(-(1 << 53))
)
