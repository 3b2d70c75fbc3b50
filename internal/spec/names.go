package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/snakectl/snakectl/internal/pool"
)

// checkNames reports the names in a body that the level does not have, before
// anything is evaluated or expanded: once a block, however often it is used.
// Bodies of JSON files are checked by their own parser.
func (l *loader) checkNames(v *level, body hcl.Body, block string) {
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		_, diags := body.Content(v.schema)
		l.hcl(diags, "")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(native.Attributes)) {
		if v.rows[name] == nil {
			l.unknownAttribute(v, native.Attributes[name].NameRange, name, block)
		}
	}
	for _, b := range native.Blocks {
		l.checkBlockName(v, b, block)
	}
}

func (l *loader) checkBlockName(v *level, b *hclsyntax.Block, block string) {
	name, body := b.Type, b.Body
	if name == "dynamic" && block != blockSettings {
		if len(b.Labels) != 1 {
			l.errorAt(b.DefRange(), "", "dynamic needs a name", "Write dynamic %q { … } with the name of the block it makes.", "queue")
			return
		}
		name, body = b.Labels[0], dynamicContent(b)
	} else if len(b.Labels) > 0 && v.blocks[name] != nil {
		l.errorAt(b.LabelRanges[0], "", fmt.Sprintf("Block %q has no name", name), "Write %s { … }.", name)
	}
	inner := v.blocks[name]
	switch {
	case v.also[name]:
	case inner != nil && body != nil:
		l.checkNames(inner, body, strings.TrimSuffix(inner.prefix, "."))
	case inner != nil:
		// dynblock itself reports the missing content
	case v.rows[name] != nil:
		l.errorAt(b.TypeRange, "", fmt.Sprintf("%q is an attribute", name), "Write %s = { … }, with an equals sign.", v.prefix+name)
	default:
		l.unknownName(v, b.TypeRange, name, block, "block")
	}
}

func dynamicContent(b *hclsyntax.Block) *hclsyntax.Body {
	for _, inner := range b.Body.Blocks {
		if inner.Type == "content" {
			return inner.Body
		}
	}
	return nil
}

func (l *loader) unknownAttribute(v *level, at hcl.Range, name, block string) {
	if v.blocks[name] != nil {
		l.errorAt(at, "", fmt.Sprintf("%q is a block", name), "Write %s { … }, without an equals sign.", name)
		return
	}
	if name == "count" && block == blockPool {
		l.errorAt(at, "", "count is not supported", "%s", reserved["count"])
		return
	}
	l.unknownName(v, at, name, block, "attribute")
}

func (l *loader) unknownName(v *level, at hcl.Range, name, block, kind string) {
	_, later := pool.Later[name]
	later = later && (block == blockPool || block == blockDefaults)
	if _, kept := pool.LaterRuntime[name]; later || kept && block == blockRuntime {
		l.errorAt(at, "", fmt.Sprintf("%s is not supported yet", name), "The name is kept free for a later release. Remove it.")
		return
	}
	l.errorAt(at, "", fmt.Sprintf("Unknown %s %q", kind, name),
		"A %s block takes: %s.%s", block, strings.Join(v.names, ", "), didYouMean(name, v.names))
}
