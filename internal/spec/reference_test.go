package spec_test

import (
	"testing"

	"github.com/snakectl/snakectl/internal/spec"
	"github.com/snakectl/snakectl/test/golden"
)

// The reference is generated from the schema table: UPDATE=1 writes it.
func TestReferenceIsCurrent(t *testing.T) {
	golden.File(t, "../../docs/reference/language.md", spec.Reference())
}
