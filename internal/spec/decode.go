package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/snakectl/snakectl/internal/pool"
)

// decoded is what one block sets: its values by schema path, in JSON form, and
// where each was set.
type decoded struct {
	values map[string]any
	places map[string]place
}

// place is where a value was set and in which block of the top level.
type place struct {
	at    hcl.Range
	block string
}

// decoder decodes the body of one block.
type decoder struct {
	*loader
	ctx *hcl.EvalContext
	// block is the header of the block, pool the address it is decoded for, if any.
	block, pool string
	// skip names attributes that something else evaluates.
	skip []string
	out  decoded
}

// decodeBody returns what body sets. What is wrong has been reported and left out.
func (l *loader) decodeBody(v *level, body hcl.Body, ctx *hcl.EvalContext, block, addr string, skip ...string) decoded {
	d := decoder{loader: l, ctx: ctx, block: block, pool: addr, skip: skip}
	d.out = decoded{values: map[string]any{}, places: map[string]place{}}
	d.decode(v, body)
	return d.out
}

func (d *decoder) decode(v *level, body hcl.Body) {
	content, _, diags := body.PartialContent(v.schema)
	d.hcl(diags, d.pool)
	for _, name := range slices.Sorted(maps.Keys(content.Attributes)) {
		path := v.prefix + name
		if !slices.Contains(d.skip, path) {
			d.attribute(v.rows[name], content.Attributes[name])
		}
	}
	first := map[string]*hcl.Block{}
	for _, b := range content.Blocks {
		if first[b.Type] != nil && !v.also[b.Type] {
			d.errorAt(b.DefRange, d.pool, fmt.Sprintf("Duplicate block %q", v.prefix+b.Type),
				"The first one is at line %d; write all its attributes into one block.", first[b.Type].DefRange.Start.Line)
			continue
		}
		first[b.Type] = b
		if v.blocks[b.Type] == nil {
			continue // read elsewhere
		}
		d.decode(v.blocks[b.Type], b.Body)
	}
}

func (d *decoder) attribute(row *pool.Row, attr *hcl.Attribute) {
	if row.Type == pool.TypePools || row.Type == pool.TypeAttributes {
		d.listed(row, attr)
		return
	}
	val, ok := d.evaluate(attr.Expr, d.ctx, d.pool)
	if ok && d.refuseSensitive(val, attr.Expr.Range(), d.pool, row.Path) {
		return
	}
	if !ok || val.IsNull() { // null is as good as not set
		return
	}
	value, err := jsonValue(row, val)
	if err != nil {
		d.errorAt(attr.Expr.Range(), d.pool, fmt.Sprintf("Wrong value for %q", row.Path), "%s %v.", row.Path, err)
		return
	}
	d.out.values[row.Path] = value
	d.out.places[row.Path] = place{attr.Range, d.block}
}

// tree nests values by their paths, as the JSON of the Go type has them, and
// fills in the default of each row that has no value and is to be completed.
func (l *loader) tree(rows []pool.Row, values map[string]any, complete func(*pool.Row) bool) map[string]any {
	root := map[string]any{}
	for i := range rows {
		row := &rows[i]
		if row.Effect == pool.EffectAddress {
			continue
		}
		value, ok := values[row.Path]
		if !ok {
			if !complete(row) {
				continue
			}
			value = l.defaultOf(row)
		}
		at := root
		segments := strings.Split(row.Path, ".")
		for _, name := range segments[:len(segments)-1] {
			inner, ok := at[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[name] = inner
			}
			at = inner
		}
		at[segments[len(segments)-1]] = value
	}
	return root
}

// expandable reports whether body may hold dynamic blocks.
func expandable(body hcl.Body) bool {
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		return true
	}
	return slices.ContainsFunc(native.Blocks, func(b *hclsyntax.Block) bool { return b.Type == "dynamic" })
}

// selfValue is what self means inside a pool.
func selfValue(name, key string) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{
		"name":    cty.StringVal(name),
		"key":     cty.StringVal(key),
		"address": cty.StringVal(pool.Address(name, key)),
	})
}
