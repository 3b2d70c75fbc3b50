package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/dynblock"
	"github.com/zclconf/go-cty/cty"

	"github.com/snakectl/snakectl/internal/pool"
)

// Attributes of a pool that the decoder itself knows.
const (
	attrForEach = "for_each"
	attrAdapter = "adapter"
	attrDepends = "depends_on"
)

// decodePools makes a pool of each pool block, or of each element of its for_each.
func (l *loader) decodePools() {
	v := newLevel(pool.PoolSchema())
	defaults := l.decodeDefaults(v)
	v.alsoBlock(blockPrecondition)
	for _, b := range l.unique(blockPool) {
		l.checkNames(v, b.Body, blockPool)
		content, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: attrForEach}}})
		attr := content.Attributes[attrForEach]
		if attr == nil {
			l.decodePool(v, b, "", l.scope.base, defaults)
			continue
		}
		elements := l.forEach(attr)
		for _, key := range slices.Sorted(maps.Keys(elements)) {
			ctx := l.scope.base.NewChild()
			ctx.Variables = map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{
				"key": cty.StringVal(key), "value": elements[key],
			})}
			l.decodePool(v, b, key, ctx, defaults)
		}
	}
}

// decodeDefaults evaluates the block defaults "pool", once for all pools.
func (l *loader) decodeDefaults(v *level) decoded {
	b := l.sole(blockDefaults)
	if b == nil {
		return decoded{}
	}
	l.checkNames(v, b.Body, blockDefaults)
	out := l.decodeBody(v, l.expand(b.Body, l.scope.base), l.scope.base, title(b.Type, b.Labels), "", attrForEach, attrAdapter, attrDepends)
	content, _, _ := b.Body.PartialContent(v.schema)
	for _, name := range []string{attrForEach, attrAdapter, attrDepends} {
		if attr := content.Attributes[name]; attr != nil {
			l.errorAt(attr.NameRange, "", fmt.Sprintf("%s has no default", name), "Write %s into each pool.", name)
		}
	}
	return out
}

func (l *loader) expand(body hcl.Body, ctx *hcl.EvalContext) hcl.Body {
	if expandable(body) {
		return dynblock.Expand(body, ctx)
	}
	return body
}

// forEach returns the elements that a for_each makes pools of, by key.
func (l *loader) forEach(attr *hcl.Attribute) map[string]cty.Value {
	val, ok := l.evaluate(attr.Expr, l.scope.base, "")
	if !ok {
		return nil
	}
	if l.refuseSensitive(val, attr.Expr.Range(), "", attrForEach) {
		return nil
	}
	bad := func(why string) map[string]cty.Value {
		l.errorAt(attr.Expr.Range(), "", "Wrong value for \"for_each\"",
			"for_each must be a map, an object or a set of strings, %s. Write for_each = toset([\"eu\", \"us\"]) or { eu = 2, us = 4 }.", why)
		return nil
	}
	if val.IsNull() || !val.CanIterateElements() {
		return bad("not " + describe(val))
	}
	out := map[string]cty.Value{}
	keyed := val.Type().IsMapType() || val.Type().IsObjectType()
	for it := val.ElementIterator(); it.Next(); {
		key, element := it.Element()
		if !keyed {
			key = element
		}
		if key.IsNull() || key.Type() != cty.String {
			return bad("and an element is " + describe(key))
		}
		name := key.AsString()
		if !validKey(name) {
			return bad(fmt.Sprintf("and %q cannot be a key: a key has 1 to 128 printable characters", clip(name)))
		}
		if _, ok := out[name]; ok {
			return bad(fmt.Sprintf("and %q occurs twice", name))
		}
		out[name] = element
	}
	return out
}

func validKey(s string) bool {
	return s != "" && len(s) <= 128 && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) < 0
}

// decodePool decodes one pool and adds it to the desired state.
func (l *loader) decodePool(v *level, b *hcl.Block, key string, ctx *hcl.EvalContext, defaults decoded) {
	name := b.Labels[0]
	addr, header := pool.Address(name, key), title(b.Type, b.Labels)
	ctx = ctx.NewChild()
	ctx.Variables = map[string]cty.Value{"self": selfValue(name, key)}
	set := l.decodeBody(v, l.expand(b.Body, ctx), ctx, header, addr, attrForEach)
	for path, value := range defaults.values {
		if _, ok := set.values[path]; !ok {
			set.values[path], set.places[path] = value, defaults.places[path]
		}
	}
	l.remember(addr, place{b.DefRange, header}, set.places)
	p := l.pool(set.values)
	p.Name, p.Key = name, key
	p.Set = slices.Sorted(maps.Keys(set.values))
	if p.Set == nil {
		p.Set = []string{}
	}
	p.Snapshot.Files = map[string]string{}
	if p.Adapter == "" && !l.mentions(b, attrAdapter) {
		l.errorAt(b.DefRange, addr, "A pool needs an adapter",
			"Name the code that provides its commands: adapter = \"./adapter.py\" or adapter = \"package.module:Class\".")
	}
	l.checkPreconditions(b, ctx, addr)
	l.checkPool(&p, b.DefRange, set.places)
	l.desired.Pools = append(l.desired.Pools, p)
}

// mentions reports whether a block has an attribute, whatever its value.
func (l *loader) mentions(b *hcl.Block, name string) bool {
	content, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: name}}})
	return content.Attributes[name] != nil
}

// pool returns the pool with these values and the defaults of all others. What most
// pools leave at its default is decoded once, into the template: that was half of
// the time of a configuration of a hundred pools. Lists and maps are decoded for each
// pool, so that no two pools share one.
func (l *loader) pool(values map[string]any) pool.Pool {
	rows := pool.PoolSchema()
	if l.template == nil {
		l.template = &pool.Pool{}
		l.decodeTree(l.tree(rows, nil, func(row *pool.Row) bool { return !shared(row.Type) }), l.template)
	}
	p := *l.template
	l.decodeTree(l.tree(rows, values, func(row *pool.Row) bool { return shared(row.Type) }), &p)
	return p
}

// shared reports whether copies of a value of that type share memory.
func shared(t pool.Type) bool {
	switch t {
	case pool.TypeStrings, pool.TypePaths, pool.TypeStringMap, pool.TypeObject, pool.TypePools, pool.TypeAttributes:
		return true
	default:
		return false
	}
}

// fill completes values with the defaults and decodes them into the Go type that
// the rows describe.
func (l *loader) fill(rows []pool.Row, values map[string]any, into any) {
	l.decodeTree(l.tree(rows, values, func(*pool.Row) bool { return true }), into)
}

// decodeTree decodes values into the Go type that their rows describe. What the tree
// does not hold stays as it is.
func (l *loader) decodeTree(tree map[string]any, into any) {
	b, err := json.Marshal(tree)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		panic(fmt.Sprintf("internal error: schema table and %T disagree: %v", into, err))
	}
}

// remember keeps where an address and its attributes were set.
func (l *loader) remember(addr string, header place, places map[string]place) {
	out := map[string]Range{"": rangeOf(header.at, header.block)}
	for path, p := range places {
		out[path] = rangeOf(p.at, p.block)
	}
	l.ranges[addr] = out
}
