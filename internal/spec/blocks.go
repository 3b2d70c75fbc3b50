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

// The types of the blocks a configuration consists of.
const (
	blockSnakectl = "snakectl"
	blockSettings = "settings"
	blockVariable = "variable"
	blockLocals   = "locals"
	blockRuntime  = "runtime"
	blockDefaults = "defaults"
	blockPool     = "pool"
	blockMoved    = "moved"
	blockCheck    = "check"
)

// topLevel lists the blocks and what their labels are.
var topLevel = []hcl.BlockHeaderSchema{
	{Type: blockSnakectl},
	{Type: blockSettings},
	{Type: blockVariable, LabelNames: []string{"name"}},
	{Type: blockLocals},
	{Type: blockRuntime, LabelNames: []string{"language", "name"}},
	{Type: blockDefaults, LabelNames: []string{"block"}},
	{Type: blockPool, LabelNames: []string{"name"}},
	{Type: blockMoved},
	{Type: blockCheck, LabelNames: []string{"name"}},
}

// reserved are blocks that other tools of this kind have, with what to write
// instead.
var reserved = map[string]string{
	"secret":   "Secrets are not supported yet; set the value in the environment of the supervisor.",
	"module":   "There are no modules: all *.hcl files of one directory form the configuration.",
	"provider": "There are no providers: a configuration declares pools and the runtimes they use.",
	"resource": "There are no resources; declare a pool.",
	"data":     "There are no data sources; use file(), fileset() or a variable.",
	"output":   "There are no outputs; use snakectl status --json.",
	"import":   "There is no import; a supervisor adopts its own workers.",
	"removed":  "Delete the pool's block; the plan then destroys it.",
	"count":    "Use size for more workers, for_each for more pools.",
}

// blockSet holds the blocks of all files by type, in the order of the files.
type blockSet struct {
	byType map[string][]*hcl.Block
}

// of returns the blocks of a type.
func (s blockSet) of(kind string) []*hcl.Block { return s.byType[kind] }

// collect sorts the blocks of one file into the set.
func (l *loader) collect(body hcl.Body) {
	if l.blocks.byType == nil {
		l.blocks.byType = map[string][]*hcl.Block{}
	}
	schema := &hcl.BodySchema{Blocks: topLevel}
	var content *hcl.BodyContent
	var diags hcl.Diagnostics
	if native, ok := body.(*hclsyntax.Body); ok {
		l.readFormer(native)
		l.checkTopLevel(native)
		content, _, diags = body.PartialContent(schema)
	} else {
		content, diags = body.Content(schema)
	}
	for _, d := range diags {
		for _, b := range topLevel {
			if strings.HasPrefix(d.Summary, "Missing ") && strings.HasSuffix(d.Summary, " for "+b.Type) {
				d.Detail = "Write " + heading(b) + " { … }."
			}
		}
	}
	l.hcl(diags, "")
	for _, b := range content.Blocks {
		if l.checkLabels(b) {
			l.blocks.byType[b.Type] = append(l.blocks.byType[b.Type], b)
		}
	}
}

// heading is how a block begins: runtime "python" "NAME".
func heading(b hcl.BlockHeaderSchema) string {
	words := []string{b.Type}
	for _, label := range b.LabelNames {
		words = append(words, map[string]string{"name": `"NAME"`, "language": `"python"`, "block": `"pool"`}[label])
	}
	return strings.Join(words, " ")
}

// checkTopLevel reports what does not belong at the top of a file.
func (l *loader) checkTopLevel(body *hclsyntax.Body) {
	var known []string
	for _, b := range topLevel {
		known = append(known, b.Type)
	}
	for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
		attr := body.Attributes[name]
		detail := fmt.Sprintf("Only blocks stand at the top of a file: %s.", list(known))
		if pool.FindRow(pool.PoolSchema(), name) != nil {
			detail = fmt.Sprintf("%s is an attribute of a pool. Write pool \"default\" { %s = … }.", name, name)
		}
		l.errorAt(attr.NameRange, "", fmt.Sprintf("Attribute %q outside a block", name), "%s", detail)
	}
	for _, b := range body.Blocks {
		if slices.Contains(known, b.Type) {
			continue
		}
		if why, ok := reserved[b.Type]; ok {
			l.errorAt(b.DefRange(), "", fmt.Sprintf("%q blocks are not supported", b.Type), "%s", why)
			continue
		}
		l.errorAt(b.DefRange(), "", fmt.Sprintf("Unknown block %q", b.Type),
			"The blocks are: %s.%s", list(known), didYouMean(b.Type, known))
	}
}

// checkLabels reports labels that cannot be names.
func (l *loader) checkLabels(b *hcl.Block) bool {
	for i, label := range b.Labels {
		at := b.LabelRanges[i]
		fixed := ""
		switch {
		case b.Type == blockRuntime && i == 0:
			fixed = "python"
		case b.Type == blockDefaults:
			fixed = blockPool
		}
		if fixed != "" && label != fixed {
			l.errorAt(at, "", fmt.Sprintf("Unknown %s %q", b.Type, label), "Write: %s %q.", b.Type, fixed)
			return false
		}
		if !pool.ValidLabel(label) {
			l.errorAt(at, "", fmt.Sprintf("%q cannot be a name", label),
				"A name begins with a letter and goes on with letters, digits, - and _, at most 63 characters.")
			return false
		}
	}
	return true
}

// sole returns the only block of a type, or nil, and reports any further one.
func (l *loader) sole(kind string) *hcl.Block {
	blocks := l.blocks.of(kind)
	if len(blocks) == 0 {
		return nil
	}
	for _, b := range blocks[1:] {
		l.errorAt(b.DefRange, "", fmt.Sprintf("Duplicate block %s", title(b.Type, b.Labels)),
			"The first one is at %s line %d; a configuration has one at most.", blocks[0].DefRange.Filename, blocks[0].DefRange.Start.Line)
	}
	return blocks[0]
}

// unique drops blocks whose labels another one has, and reports them.
func (l *loader) unique(kind string) []*hcl.Block {
	first := map[string]*hcl.Block{}
	var out []*hcl.Block
	for _, b := range l.blocks.of(kind) {
		name := title(b.Type, b.Labels)
		if other := first[name]; other != nil {
			l.errorAt(b.DefRange, "", "Duplicate "+name,
				"The first one is at %s line %d. Give one of them another name.", other.DefRange.Filename, other.DefRange.Start.Line)
			continue
		}
		first[name] = b
		out = append(out, b)
	}
	return out
}
