package spec

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/snakectl/snakectl/internal/pool"
)

// level is one block as the schema rows describe it: the attributes written in
// it and the blocks nested in it. A row "queue.max" is the attribute max of the
// nested block queue.
type level struct {
	// prefix is "" or the block's path with a dot at its end.
	prefix string
	rows   map[string]*pool.Row
	blocks map[string]*level
	// also are blocks that somebody else reads.
	also map[string]bool
	// names are those of rows and blocks together, sorted.
	names  []string
	schema *hcl.BodySchema
}

// newLevel arranges rows by block. The blocks of HCL never nest deeper than the
// paths of the rows do.
func newLevel(rows []pool.Row) *level {
	root := emptyLevel("")
	for i := range rows {
		at := root
		segments := strings.Split(rows[i].Path, ".")
		for _, block := range segments[:len(segments)-1] {
			if at.blocks[block] == nil {
				at.blocks[block] = emptyLevel(at.prefix + block + ".")
			}
			at = at.blocks[block]
		}
		at.rows[segments[len(segments)-1]] = &rows[i]
	}
	root.seal()
	return root
}

func emptyLevel(prefix string) *level {
	return &level{prefix: prefix, rows: map[string]*pool.Row{}, blocks: map[string]*level{}}
}

// alsoBlock admits a block that is no attribute's: its content is read elsewhere.
func (v *level) alsoBlock(name string) {
	if v.also == nil {
		v.also = map[string]bool{}
	}
	v.also[name] = true
	v.names = append(v.names, name)
	slices.Sort(v.names)
	v.schema.Blocks = append(v.schema.Blocks, hcl.BlockHeaderSchema{Type: name})
}

// seal derives names and schema, here and below.
func (v *level) seal() {
	v.schema = &hcl.BodySchema{}
	for name := range v.rows {
		v.names = append(v.names, name)
		v.schema.Attributes = append(v.schema.Attributes, hcl.AttributeSchema{Name: name})
	}
	for name, inner := range v.blocks {
		v.names = append(v.names, name)
		v.schema.Blocks = append(v.schema.Blocks, hcl.BlockHeaderSchema{Type: name})
		inner.seal()
	}
	slices.Sort(v.names)
}
