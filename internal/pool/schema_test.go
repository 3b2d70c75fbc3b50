package pool_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
)

// The rows of each schema table and the fields of the Go type that the values
// are decoded into are the same set, but for the fields here, which are no attributes.
var notAttributes = map[string][]string{
	"Pool":        {"key", "name", "set", "snapshot"},
	"RuntimeSpec": nil,
	"Settings":    nil,
}

func TestSchemaMatchesFields(t *testing.T) {
	tests := []struct {
		typ  reflect.Type
		rows []pool.Row
	}{
		{reflect.TypeFor[pool.Pool](), pool.PoolSchema()},
		{reflect.TypeFor[pool.RuntimeSpec](), pool.RuntimeSchema()},
		{reflect.TypeFor[pool.Settings](), pool.SettingsSchema()},
	}
	for _, tt := range tests {
		t.Run(tt.typ.Name(), func(t *testing.T) {
			fields := fieldPaths(tt.typ, "", notAttributes[tt.typ.Name()])
			var rows []string
			for _, row := range tt.rows {
				if row.Effect != pool.EffectAddress {
					rows = append(rows, row.Path)
				}
			}
			slices.Sort(rows)
			if diff := cmp.Diff(fields, rows); diff != "" {
				t.Errorf("fields and rows differ (-fields +rows):\n%s", diff)
			}
		})
	}
}

// fieldPaths lists the json paths of a struct's leaves, sorted.
func fieldPaths(typ reflect.Type, prefix string, skip []string) []string {
	var out []string
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case prefix == "" && slices.Contains(skip, name):
		case f.Type.Kind() == reflect.Struct:
			out = append(out, fieldPaths(f.Type, prefix+name+".", nil)...)
		default:
			out = append(out, prefix+name)
		}
	}
	slices.Sort(out)
	return out
}

func TestSchemaRowsAreComplete(t *testing.T) {
	for _, rows := range [][]pool.Row{pool.PoolSchema(), pool.RuntimeSchema(), pool.SettingsSchema()} {
		seen := map[string]bool{}
		for _, row := range rows {
			switch {
			case row.Example == "" || row.Example == row.Default && row.Path != "interpreter" && row.Path != "gil":
				t.Errorf("%s has no example, or one that is its default", row.Path)
			case seen[row.Path]:
				t.Errorf("%s has two rows", row.Path)
			case row.Type == "" || row.Effect == "" || !strings.HasSuffix(row.Doc, "."):
				t.Errorf("%s lacks type, effect or a sentence", row.Path)
			case row.Required && row.Default != "":
				t.Errorf("%s is required and has a default", row.Path)
			case row.Min > row.Max:
				t.Errorf("%s is bounded by %d..%d", row.Path, row.Min, row.Max)
			case row.Type == pool.TypeInt && row.Min == 0 && row.Max == 0:
				t.Errorf("%s is a number without bounds", row.Path)
			}
			for item := range strings.SplitSeq(strings.Trim(row.Default, "[]"), ", ") {
				if row.Accepts != nil && !slices.Contains(row.Accepts, strings.Trim(item, `"`)) {
					t.Errorf("the default %s of %s is not accepted", row.Default, row.Path)
				}
			}
			seen[row.Path] = true
		}
	}
}

// A name that is kept free is not also an attribute or a block.
func TestLaterNamesAreFree(t *testing.T) {
	for _, row := range pool.PoolSchema() {
		head, _, _ := strings.Cut(row.Path, ".")
		if _, later := pool.Later[head]; later {
			t.Errorf("%s works, and is listed as a name for later", row.Path)
		}
	}
}
