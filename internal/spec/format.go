package spec

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format returns src in the canonical layout: indentation, spaces and aligned
// equals signs. It changes no token. A source that does not parse is returned as
// Diagnostics, which name is part of.
func Format(src []byte, name string) ([]byte, error) {
	if strings.HasSuffix(name, ".json") {
		return nil, fmt.Errorf("cannot format %s: JSON has no canonical layout here", name)
	}
	file, diags := parseSource(src, name)
	if diags.HasErrors() {
		if file == nil {
			file = &hcl.File{Bytes: src}
		}
		r := newReporter(&sources{files: map[string]*hcl.File{name: file}})
		r.hcl(diags, "")
		return nil, r.list
	}
	return hclwrite.Format(src), nil
}
