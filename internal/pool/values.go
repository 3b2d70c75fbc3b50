package pool

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// poolFields holds the field of Pool behind each row of its schema.
var poolFields = fieldsOf(reflect.TypeFor[Pool](), poolRows)

// Values returns every attribute of the pool by schema path, in its JSON form
// (string, float64, bool, []any, map[string]any). The maps and lists are the
// caller's. Planning calls it for every pool, so it does without a trip through
// JSON where the form is known.
func (p *Pool) Values() map[string]any {
	out := make(map[string]any, len(poolFields))
	for path := range poolFields {
		out[path] = p.value(path)
	}
	return out
}

// value returns one attribute in its JSON form.
func (p *Pool) value(path string) any {
	return jsonForm(reflect.ValueOf(p).Elem().FieldByIndex(poolFields[path]).Interface())
}

// jsonForm returns what v would be after a trip through JSON.
func jsonForm(v any) any {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return v
	case int:
		return float64(v)
	case Duration:
		return v.String()
	case []string:
		if v == nil {
			return nil
		}
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = item
		}
		return list
	case map[string]string:
		if v == nil {
			return nil
		}
		tree := make(map[string]any, len(v))
		for key, item := range v {
			tree[key] = item
		}
		return tree
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("internal error: cannot encode a %T: %v", v, err))
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		panic(fmt.Sprintf("internal error: cannot decode a %T: %v", v, err))
	}
	return out
}

// fieldsOf finds the field of each row by the json names along its path. Rows
// that make addresses have none.
func fieldsOf(t reflect.Type, rows []Row) map[string][]int {
	out := map[string][]int{}
	for _, row := range rows {
		if index := fieldAt(t, row.Path); index != nil {
			out[row.Path] = index
		}
	}
	return out
}

func fieldAt(t reflect.Type, path string) []int {
	head, rest, nested := strings.Cut(path, ".")
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != head {
			continue
		}
		if !nested {
			return []int{i}
		}
		if inner := fieldAt(t.Field(i).Type, rest); inner != nil {
			return append([]int{i}, inner...)
		}
	}
	return nil
}

// Keep gives p the value that other has at path, with whether it is set there. The
// values share memory.
func (p *Pool) Keep(path string, other *Pool) {
	index, ok := poolFields[path]
	if !ok {
		return
	}
	reflect.ValueOf(p).Elem().FieldByIndex(index).Set(reflect.ValueOf(other).Elem().FieldByIndex(index))
	set := slices.DeleteFunc(slices.Clone(p.Set), func(name string) bool { return name == path })
	if other.IsSet(path) {
		set = append(set, path)
	}
	slices.Sort(set)
	p.Set = set
}
